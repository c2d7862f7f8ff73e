import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectRouter, ConnectRouterOptions } from "@connectrpc/connect";
import { contracts, files } from "#gen/contracts.ts";
import { isOpenToOutside } from "#kit/contract.ts";
import { healthService } from "#kit/health/health-service.ts";
import type { Readiness } from "#kit/health/readiness.ts";
import type { Member } from "#kit/mesh/join-mesh.ts";
import { streams } from "#kit/policy/streams.ts";
import { reflectionServices } from "#kit/rpc/reflection.ts";
import { forward } from "./forward.ts";
import { serveHere } from "./serve-here.ts";

/** What a gateway serves. */
export interface GatewayRoutes {
  /** The methods that other services answer. */
  readonly forwarded: readonly DescMethod[];
  /** Registers them, and what the gateway answers itself, each with options of its own. */
  register(router: ConnectRouter, optionsOf: (method: DescMethod) => ConnectRouterOptions): void;
}

/**
 * Every method of every contract that is open to the outside, found by walking the contracts, and
 * reflection over all of them.
 *
 * @param member the gateway's place in the mesh
 * @param readiness whether the gateway can take calls
 * @param mostStreams how many streams a caller may have open at a time that the gateway answers itself
 */
export function gatewayRoutes(member: Member, readiness: Readiness, mostStreams: number): GatewayRoutes {
  const services = [...contracts].filter((it) => it.kind === "service");
  // What every service serves has no one place to go to; operators call it through the mesh.
  const domains = services.filter(({ file }) => file.proto.package !== "souk.mesh.v1");
  const forwarded = domains
    .flatMap((service): readonly DescMethod[] => service.methods)
    .filter(isOpenToOutside);
  const infrastructure = [
    healthService(
      readiness,
      services.map(({ typeName }) => typeName),
    ),
    ...reflectionServices(services, files),
  ];
  const bounded = streams(mostStreams);
  return {
    forwarded,
    register(router, optionsOf) {
      for (const method of forwarded) router.rpc(method, forward(method, member) as never, optionsOf(method));
      for (const { handlers } of infrastructure) {
        for (const [method, handler] of handlers)
          router.rpc(method, serveHere(method, bounded(handler), member) as never, optionsOf(method));
      }
    },
  };
}
