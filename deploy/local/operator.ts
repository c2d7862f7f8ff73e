import { metrics } from "@opentelemetry/api";
import { pino } from "pino";
import type { PublicJwk } from "#kit/identity/authenticator.ts";
import { serviceTokens } from "#kit/identity/service-token.ts";
import { createBreakers } from "#kit/mesh/breakers.ts";
import { createMesh } from "#kit/mesh/create-mesh.ts";
import { grpcTransport } from "#kit/mesh/grpc-transport.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import type { Scope } from "#kit/scope.ts";

/** The operator as a caller of services. */
export interface Operator {
  /** Clients that call as the operator come from here. */
  readonly scope: Scope;
  /** Clients that call as who holds an access token come from what this gives. */
  onBehalfOf(accessToken: string): Scope;
  close(): void;
}

/**
 * Lets a program call services as the operator, who holds every permission.
 *
 * @param key the operator's private key
 * @param addressOf where a service is, as "host:port"
 * @param timeoutMs how long all of it may take, in ms
 */
export function becomeOperator(
  key: PublicJwk,
  addressOf: (service: string) => string,
  timeoutMs: number,
): Operator {
  const transport = grpcTransport((contract) => ({
    target: `ipv4:${addressOf(contract.file.proto.package.split(".")[1] ?? "")}`,
  }));
  const breakers = createBreakers({ resetMs: 1_000 }, metrics.getMeter("operator"));
  const mesh = createMesh(transport, breakers, serviceTokens("operator", key));
  const scope = rootScopes(pino({ level: "silent" }), mesh)({ timeoutMs });
  return {
    scope,
    onBehalfOf(accessToken) {
      const own: Scope = {
        ...scope,
        authorization: `Bearer ${accessToken}`,
        mesh: (service) => mesh(own, service),
      };
      return own;
    },
    close() {
      transport.close();
      breakers.stop();
    },
  };
}
