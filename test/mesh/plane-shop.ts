import type { DescService } from "@bufbuild/protobuf";
import type { ExecutionContext } from "ava";
import { pino } from "pino";
import { serviceSettings } from "#kit/config.ts";
import { createReadiness } from "#kit/health/readiness.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import { createMesh } from "#kit/mesh/create-mesh.ts";
import { joinMesh } from "#kit/mesh/join-mesh.ts";
import { dataPlane } from "#kit/mesh/plane.ts";
import type { Program } from "#kit/program.ts";
import type { Mesh } from "#kit/rpc/open-call.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import { start } from "#kit/run.ts";
import { pickFreePort } from "../../deploy/local/ports.ts";
import { servicePrograms } from "../../deploy/local/service-programs.ts";
import { type Identity, testEnvironment } from "../mesh.ts";
import { startTestEnvoy } from "./envoy-program.ts";

/** What can carry calls between services. */
export type DataPlane = "local" | "direct" | "envoy";

/**
 * As whom a test calls: as a service, as a service for a user, as whoever holds an access token, for whom the
 * gateway calls ("" is nobody), or as somebody of whom nothing at all is known.
 */
export type PlaneIdentity = Identity | { readonly caller: string; readonly accessToken: string } | "unknown";

/** Gives clients that call as somebody, all of whose calls go by the data plane. */
export type Call = <S extends DescService>(service: S, identity: PlaneIdentity) => MeshClient<S>;

/** The shop on one data plane. */
export interface PlaneShop {
  readonly call: Call;
  /** The settings under which it runs. */
  readonly env: Readonly<Record<string, string>>;
}

/** As whom a test may call, beside the users for whom the gateway calls. */
const CALLERS = ["gateway", "operator", ...servicePrograms.map(({ name }) => name)];

/**
 * Starts every service of the shop in this process, on one data plane.
 *
 * @param t the test after which they stop
 * @param plane what carries their calls
 * @returns undefined where the data plane cannot be had; the test is over then
 */
export async function openPlane(t: ExecutionContext, plane: DataPlane): Promise<PlaneShop | undefined> {
  const env: Record<string, string> = {
    ...(await testEnvironment(t, servicePrograms)),
    NOTIFICATION_SMTP_URL: "smtp://127.0.0.1:1",
    SOUK_DATA_PLANE: plane,
    SOUK_BREAKER_RESET_MS: "100",
    // Some methods end the session of the user who calls them; the others shall be looked at all the same.
    SOUK_ACCESS_POLL_MS: "3600000",
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
  const meshes = new Map<string, Mesh>();
  const callers = CALLERS.map((name) => caller(name, meshes));
  const running = await start([...servicePrograms, ...callers], env);
  t.teardown(() => running.stop());
  return { env, call: (service, identity) => clientOf(meshes, service, identity) };
}

function clientOf<S extends DescService>(
  meshes: ReadonlyMap<string, Mesh>,
  service: S,
  identity: PlaneIdentity,
): MeshClient<S> {
  const known = identity === "unknown" ? { caller: identity } : identity;
  const mesh = meshes.get("caller" in known ? known.caller : "gateway") as Mesh;
  const scope = rootScopes(log, mesh)({ timeoutMs: 60_000 });
  const accessToken = "accessToken" in known ? known.accessToken : "";
  return mesh(accessToken === "" ? scope : { ...scope, authorization: `Bearer ${accessToken}` }, service);
}

const log = pino({ level: "silent" });

/** A program that serves nothing and calls others; one of them also without a word of who it is. */
function caller(name: string, meshes: Map<string, Mesh>): Program {
  return {
    name,
    settings: serviceSettings(name, 0),
    async start(host) {
      const member = joinMesh(host, name);
      const transport = dataPlane(host.settings, host.dispatchers);
      meshes.set(name, member.mesh);
      meshes.set("unknown", createMesh(transport, member.breakers));
      const leave = async () => {
        transport.close();
        member.leave();
      };
      return { name, ports: {}, readiness: createReadiness([]), stop: leave };
    },
  };
}
