import { join } from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import type { ExecutionContext } from "ava";
import { serviceNameOf } from "#kit/contract.ts";
import { envoyConfig } from "../../deploy/envoy/config.ts";
import type { Address, Topology } from "../../deploy/envoy/topology.ts";
import { findEnvoy, startEnvoy } from "../../deploy/local/envoy.ts";
import { writeFileAtomically } from "../../deploy/local/files.ts";
import { services } from "../../deploy/local/shop.ts";
import { makePlace } from "../service/local/place.ts";
import { requireTool } from "../tools.ts";

const found = findEnvoy({
  toolsDir: join(import.meta.dirname, "../../.souk/tools"),
  log: (line) => process.stderr.write(`${line}\n`),
});

/**
 * Takes the Envoy of this machine.
 *
 * @returns undefined where there is none; the test is over then
 */
export async function requireEnvoy(t: ExecutionContext) {
  return requireTool(t, "Envoy", await found);
}

/** With what Envoy proves itself to the gateway. */
export const PROXY_SECRET = "a secret of Envoy and the gateway";

/** An Envoy that runs for a test. */
export interface RunningEnvoy {
  /** The URL of the edge listener. */
  readonly edgeUrl: string;
  /** Host and port of the mesh listener. */
  readonly meshAddress: string;
  /** Where requests are logged; complete once Envoy has stopped. */
  readonly accessLog: string;
  stop(): Promise<void>;
}

/**
 * Starts Envoy with the configuration that the contracts give, on ports that it picks itself.
 *
 * @param running the ports on which services run, by name; "gateway" is one of them. All others cannot be
 *   reached.
 * @param contracts what is served; all contracts of the shop when left out
 * @returns undefined where there is no Envoy; the test is over then
 */
export async function startTestEnvoy(
  t: ExecutionContext,
  running: Readonly<Record<string, readonly number[]>>,
  contracts?: readonly DescService[],
): Promise<RunningEnvoy | undefined> {
  const envoy = await requireEnvoy(t);
  if (envoy === undefined) return undefined;
  const { dir, supervisor } = makePlace(t);
  const accessLog = join(dir, "access.log");
  const configFile = join(dir, "envoy.json");
  const replicas = (name: string) => (running[name] ?? [NOBODY]).map(at);
  const topology: Topology = {
    services: (contracts?.map(serviceNameOf) ?? services.map(({ name }) => name)).map((name) => ({
      name,
      addresses: replicas(name),
    })),
    gateway: replicas("gateway"),
    edge: at(0),
    mesh: at(0),
    admin: at(0),
    accessLog,
    proxySecret: PROXY_SECRET,
  };
  writeFileAtomically(configFile, JSON.stringify(envoyConfig(topology, contracts)));
  const { url, stop } = await startEnvoy({ envoy, configFile, supervisor });
  const ports = await listenerPorts(url);
  return {
    edgeUrl: `http://127.0.0.1:${ports.get("edge")}`,
    meshAddress: `127.0.0.1:${ports.get("mesh")}`,
    accessLog,
    stop,
  };
}

/** No server of a test listens on this port. */
const NOBODY = 1;

function at(port: number): Address {
  return { host: "127.0.0.1", port };
}

async function listenerPorts(adminUrl: string): Promise<ReadonlyMap<string, number>> {
  const answer = await fetch(`${adminUrl}/listeners?format=json`);
  const { listener_statuses } = (await answer.json()) as {
    listener_statuses: { name: string; local_address: { socket_address: { port_value: number } } }[];
  };
  return new Map(
    listener_statuses.map(({ name, local_address }) => [name, local_address.socket_address.port_value]),
  );
}
