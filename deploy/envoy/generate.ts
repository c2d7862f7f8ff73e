import { parseArgs } from "node:util";
import { ConfigurationError, EXIT_CONFIG } from "#kit/config.ts";
import { writeFileAtomically } from "../local/files.ts";
import { gateway, services } from "../local/shop.ts";
import { envoyConfig } from "./config.ts";
import type { Address, Service, Topology } from "./topology.ts";

const USAGE = `Writes Envoy's configuration, made from the contracts.

  --out FILE          where to; standard output when left out
  --services LIST     name=host:port,name=host:port; a service with several replicas is named several times
  --gateway LIST      host:port,host:port: the replicas of the gateway
  --edge HOST:PORT    where Envoy takes calls from outside
  --mesh HOST:PORT    where Envoy takes the calls of services and operators
  --admin HOST:PORT   where Envoy serves its own administration; keep it on loopback
  --edge-rate N       requests from outside that are taken in a second
  --access-log TO     a file or stdout; no log when left out

GATEWAY_PROXY_SECRET in the environment is what Envoy proves itself with to the gateway, which has the same setting.
`;

const OPTIONS = {
  out: { type: "string" },
  services: { type: "string", default: services.map(({ name, port }) => `${name}=127.0.0.1:${port}`).join() },
  gateway: { type: "string", default: `127.0.0.1:${gateway.port}` },
  edge: { type: "string", default: "127.0.0.1:8080" },
  mesh: { type: "string", default: "127.0.0.1:15001" },
  admin: { type: "string", default: "127.0.0.1:9901" },
  "edge-rate": { type: "string" },
  "access-log": { type: "string" },
} as const;

/**
 * Writes the configuration that a command line asks for.
 *
 * @param args the command line, without program and script
 * @param env the environment
 * @throws ConfigurationError that says what is wrong with it
 */
export function generate(args: readonly string[], env: NodeJS.ProcessEnv): void {
  const { out, ...rest } = readOptions(args);
  const proxySecret = env["GATEWAY_PROXY_SECRET"];
  const topology: Topology = {
    services: readServices(rest.services),
    gateway: rest.gateway.split(",").map(readAddress),
    edge: readAddress(rest.edge),
    mesh: readAddress(rest.mesh),
    admin: readAddress(rest.admin),
    ...(proxySecret && { proxySecret }),
    ...(rest["edge-rate"] !== undefined && { edgeRate: readRate(rest["edge-rate"]) }),
    ...(rest["access-log"] !== undefined && { accessLog: rest["access-log"] }),
  };
  const text = `${JSON.stringify(envoyConfig(topology), null, 2)}\n`;
  if (out === undefined) process.stdout.write(text);
  else writeFileAtomically(out, text, proxySecret ? 0o600 : undefined);
}

function readOptions(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (cause) {
    throw new ConfigurationError((cause as Error).message);
  }
}

function readServices(list: string): Service[] {
  const services = new Map<string, Address[]>();
  for (const entry of list.split(",")) {
    const [, name, address] = /^\s*([a-z][a-z0-9-]*)=(.+)$/.exec(entry) ?? [];
    if (name === undefined || address === undefined) {
      throw new ConfigurationError(`"${entry}" names no service; write name=host:port.`);
    }
    services.set(name, [...(services.get(name) ?? []), readAddress(address)]);
  }
  return [...services].map(([name, addresses]) => ({ name, addresses }));
}

function readRate(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new ConfigurationError(`"${text}" is no rate; write how many requests a second, 1 or more.`);
  }
  return Number(text);
}

function readAddress(text: string): Address {
  const [, host, port] =
    /^\s*(?:\[([\da-f:.]+)\]|([\w.-]+)):(\d{1,5})\s*$/i.exec(text)?.filter(Boolean) ?? [];
  if (host === undefined || Number(port) > 65_535) {
    throw new ConfigurationError(`"${text}" is no address; write host:port, with an IPv6 host in brackets.`);
  }
  return { host, port: Number(port) };
}

if (import.meta.main) {
  try {
    generate(process.argv.slice(2), process.env);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    process.exitCode = EXIT_CONFIG;
  }
}
