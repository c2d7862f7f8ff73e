import type { DescMethod } from "@bufbuild/protobuf";
import { pino } from "pino";
import { createLoadLimit } from "#kit/policy/load-limit.ts";
import { forward } from "../../services/gateway/forward.ts";
import { startHttpServer } from "../../services/gateway/http-server.ts";
import { type RequestHandlerOptions, requestHandler } from "../../services/gateway/request-handler.ts";
import { type EchoHandlers, startEchoMesh } from "../mesh/echo-mesh.ts";
import type { Teardown } from "../stores.ts";

/** A gateway before an echo service, twice. */
export interface EchoGateway {
  /** The port of the gateway as it is. */
  readonly own: number;
  /** The port of one that leaves all calls to Connect's library. */
  readonly library: number;
}

/** The path of the echo contract's unary method. */
export const UNARY = "/souk.echo.v1.EchoService/Unary";
/** The path of its stream of answers. */
export const SERVER_STREAM = "/souk.echo.v1.EchoService/ServerStream";
/** The path of its stream of both. */
export const BIDI_STREAM = "/souk.echo.v1.EchoService/BidiStream";
/** The largest request that the gateway takes, in bytes. */
export const MAX_BODY_BYTES = 100_000;
/** The page that may call. */
export const ORIGIN = "https://shop.example";

/**
 * Starts a gateway before an echo service.
 *
 * @param t what it stops after
 * @param plane how the gateway reaches the service
 * @param handlers what differs from a plain echo
 * @param options what differs from the usual settings
 */
export async function openEchoGateway(
  t: Teardown,
  plane: "direct" | "local",
  handlers: Partial<EchoHandlers> = {},
  options: Partial<RequestHandlerOptions> = {},
): Promise<EchoGateway> {
  const { member, contract, stop } = await startEchoMesh(plane, handlers, { caller: "gateway" });
  const forwarded: readonly DescMethod[] = contract.methods;
  const load = createLoadLimit(1_000);
  t.teardown(async () => load.stop());
  const listen = async (unaryByItself: readonly DescMethod[]) => {
    const server = await startHttpServer({
      host: "127.0.0.1",
      port: 0,
      log: pino({ level: "silent" }),
      handler: (shutdownSignal) =>
        requestHandler({
          member,
          routes: {
            forwarded: unaryByItself,
            register(router, optionsOf) {
              for (const method of forwarded)
                router.rpc(method, forward(method, member) as never, optionsOf(method));
            },
          },
          corsOrigins: [ORIGIN],
          maxBodyBytes: MAX_BODY_BYTES,
          answerMemoryBytes: 1_000_000,
          remembered: undefined,
          proxies: { count: 0, secret: undefined },
          load,
          shutdownSignal,
          ...options,
        }),
    });
    t.teardown(() => server.stop(0));
    return server.port;
  };
  const ports = { own: await listen(forwarded), library: await listen([]) };
  t.teardown(stop);
  return ports;
}
