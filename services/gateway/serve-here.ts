import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { Member } from "#kit/mesh/join-mesh.ts";
import type { Decoded, Handler, OpenCall } from "#kit/rpc/call.ts";
import { openCall } from "#kit/rpc/open-call.ts";
import { toConnectError } from "./connect-error.ts";
import { CLIENT_ADDRESS } from "./forward.ts";

/**
 * Makes the Connect handler of a method that the gateway answers itself.
 *
 * @param method the method
 * @param handler what answers it
 * @param member the gateway's place in the mesh
 */
export function serveHere(method: DescMethod, handler: Handler<Decoded>, member: Member) {
  function open({ requestHeader, signal, timeoutMs, values }: HandlerContext): OpenCall {
    const headers = { get: (name: string) => requestHeader.get(name) ?? undefined };
    const deadline = Date.now() + (timeoutMs() ?? Number.POSITIVE_INFINITY);
    const call = openCall({ method, headers, deadline }, member.log, member.mesh);
    call.clientAddress = values.get(CLIENT_ADDRESS);
    signal.addEventListener("abort", () => call.abort(signal.reason), { once: true });
    return call;
  }

  if (method.methodKind === "unary" || method.methodKind === "client_streaming") {
    return async (request: Decoded, context: HandlerContext) => {
      try {
        return (await handler(open(context), request)) as Message;
      } catch (thrown) {
        throw toConnectError(thrown);
      }
    };
  }
  return async function* (request: Decoded, context: HandlerContext) {
    try {
      yield* (await handler(open(context), request)) as AsyncIterable<Message>;
    } catch (thrown) {
      throw toConnectError(thrown);
    }
  };
}
