import type { DescService } from "@bufbuild/protobuf";
import { OperationsService } from "#gen/souk/mesh/v1/operations_pb.ts";
import { ConfigurationError } from "#kit/config.ts";
import { serviceNameOf } from "#kit/contract.ts";

/** Where something listens. */
export interface Address {
  /** An IP address, or for what Envoy connects to also a DNS name; each of its records is a replica. */
  readonly host: string;
  /** A TCP port; where Envoy listens, 0 picks one. */
  readonly port: number;
}

/** A service and its replicas. */
export interface Service {
  readonly name: string;
  /** None where the service is known but does not run: its methods answer UNAVAILABLE. */
  readonly addresses: readonly Address[];
}

/** What Envoy stands between. */
export interface Topology {
  readonly services: readonly Service[];
  /** The replicas of the gateway. */
  readonly gateway: readonly Address[];
  /** Where Envoy takes calls from outside. */
  readonly edge: Address;
  /** Where Envoy takes the calls of services and operators. */
  readonly mesh: Address;
  /** Where Envoy serves its own administration; it has no password, so keep it on loopback. */
  readonly admin: Address;
  /** Where requests are logged: "stdout" or a file; nowhere when left out. */
  readonly accessLog?: string;
  /** The largest request taken from outside, in bytes. 4 MiB by default. */
  readonly maxRequestBytes?: number;
  /** With what Envoy proves to the gateway that a call came by its edge; with nothing when left out. */
  readonly proxySecret?: string;
  /** Requests from outside that are taken in a second, from all callers together. 5,000 by default. */
  readonly edgeRate?: number;
}

/** The name of the gateway's cluster; no service may have it. */
export const GATEWAY = "gateway";

/**
 * Checks that a topology has room for some contracts.
 *
 * @throws ConfigurationError that lists every problem with its remedy
 */
export function checkTopology({ services }: Topology, contracts: readonly DescService[]): void {
  const names = services.map(({ name }) => name);
  const problems = names
    .filter((name, index) => name === GATEWAY || names.indexOf(name) < index)
    .map((name) => `the name ${name} is taken already, give that service another one`);
  const serving = contracts.filter((contract) => contract !== OperationsService).map(serviceNameOf);
  const missing = [...new Set(serving)].filter((name) => !names.includes(name));
  if (missing.length > 0) {
    problems.push(`contracts name services that are missing, add them: ${missing.join(", ")}`);
  }
  if (problems.length > 0) {
    throw new ConfigurationError(`Envoy's topology cannot be used: ${problems.join("; ")}`);
  }
}
