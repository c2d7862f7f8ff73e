import type { DescService } from "@bufbuild/protobuf";
import type { ExecutionContext } from "ava";
import { serviceSettings } from "#kit/config.ts";
import { createReadiness } from "#kit/health/readiness.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import { joinMesh, type Member } from "#kit/mesh/join-mesh.ts";
import type { Program } from "#kit/program.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import { start } from "#kit/run.ts";
import { pickFreePort } from "../../deploy/local/ports.ts";
import { servicePrograms } from "../../deploy/local/service-programs.ts";
import { type Identity, testEnvironment } from "../mesh.ts";
import { startTestEnvoy } from "./envoy-program.ts";

/** What can carry calls between services. */
export type DataPlane = "local" | "direct" | "envoy";

/** Gives clients that call as somebody, all of whose calls go by the data plane. */
export type Call = <S extends DescService>(service: S, identity: Identity) => MeshClient<S>;

/** As whom a test may call, beside the users for whom the gateway calls. */
const CALLERS = ["gateway", "operator", "order", "payment"];

/**
 * Starts every service of the shop in this process, on one data plane.
 *
 * @param t the test after which they stop
 * @param plane what carries their calls
 * @returns undefined where the data plane cannot be had; the test is over then
 */
export async function openPlane(t: ExecutionContext, plane: DataPlane): Promise<Call | undefined> {
  const env: Record<string, string> = {
    ...(await testEnvironment(t, servicePrograms)),
    NOTIFICATION_SMTP_URL: "smtp://127.0.0.1:1",
    SOUK_DATA_PLANE: plane,
    SOUK_BREAKER_RESET_MS: "100",
  };
  const ports = new Map<string, number>();
  for (const { name } of servicePrograms) ports.set(name, await pickFreePort());
  for (const [name, port] of ports) env[`${name.toUpperCase()}_PORT`] = String(port);
  env["SOUK_MESH_DIRECTORY"] = [...ports].map(([name, port]) => `${name}=127.0.0.1:${port}`).join();
  if (plane === "envoy") {
    const envoy = await startTestEnvoy(
      t,
      Object.fromEntries([...ports].map(([name, port]) => [name, [port]])),
    );
    if (envoy === undefined) return undefined;
    env["SOUK_MESH_ADDRESS"] = envoy.meshAddress;
  }
  const members = new Map<string, Member>();
  const callers = CALLERS.map((name) => caller(name, (member) => members.set(name, member)));
  const running = await start([...servicePrograms, ...callers], env);
  t.teardown(() => running.stop());

  return (service, identity) => {
    const member = members.get("caller" in identity ? identity.caller : "gateway") as Member;
    const scope = rootScopes(member.log, member.mesh)({ timeoutMs: 60_000 });
    const accessToken = "accessToken" in identity ? identity.accessToken : "";
    return member.mesh(
      accessToken === "" ? scope : { ...scope, authorization: `Bearer ${accessToken}` },
      service,
    );
  };
}

/** A program that serves nothing and calls others. */
function caller(name: string, joined: (member: Member) => void): Program {
  return {
    name,
    settings: serviceSettings(name, 0),
    async start(host) {
      const member = joinMesh(host, name);
      joined(member);
      return { name, ports: {}, readiness: createReadiness([]), stop: async () => member.leave() };
    },
  };
}
