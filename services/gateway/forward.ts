import type { DescMethod, Message } from "@bufbuild/protobuf";
import { ConnectError, createContextKey, type HandlerContext } from "@connectrpc/connect";
import { type Code, SoukError } from "#kit/error.ts";
import type { CallOptions } from "#kit/mesh/client.ts";
import type { Member } from "#kit/mesh/join-mesh.ts";
import type { RequestHeaders } from "#kit/rpc/call.ts";
import { requestIdOf } from "#kit/rpc/open-call.ts";
import { blameCaller } from "./blame-caller.ts";
import { toConnectError } from "./connect-error.ts";
import { callOptions, openScope } from "./open-scope.ts";
import { passHeaders, retryAfterOf } from "./passed-headers.ts";

type Request = Message | AsyncIterable<Message>;
type ClientMethod = (request: Request, options: CallOptions) => Promise<Message> | AsyncIterable<Message>;

/** The address from which a call came. */
export const CLIENT_ADDRESS = createContextKey("");

/**
 * Makes the Connect handler that hands a method on to the service that serves it, with the
 * caller's token, deadline, address and idempotency key.
 *
 * @param method the method
 * @param member the gateway's place in the mesh
 */
export function forward(method: DescMethod, member: Member) {
  const answersOnce = method.methodKind === "unary" || method.methodKind === "client_streaming";
  return answersOnce
    ? async (request: Request, context: HandlerContext) => {
        const read = readable(request, method);
        try {
          return await (call(read.request, context) as Promise<Message>);
        } catch (thrown) {
          throw failureOf(read.failure() ?? thrown, context);
        }
      }
    : async function* (request: Request, context: HandlerContext) {
        const read = readable(request, method);
        try {
          yield* call(read.request, context) as AsyncIterable<Message>;
        } catch (thrown) {
          throw failureOf(read.failure() ?? thrown, context);
        }
      };

  function call(request: Request, context: HandlerContext) {
    const headers: RequestHeaders = { get: (name) => context.requestHeader.get(name) ?? undefined };
    const requestId = requestIdOf(headers);
    context.responseHeader.set("x-request-id", requestId);
    const scope = openScope(
      {
        method,
        headers,
        requestId,
        timeoutMs: context.timeoutMs(),
        clientAddress: context.values.get(CLIENT_ADDRESS),
        signal: context.signal,
      },
      member,
    );
    const send = member.mesh(scope, method.parent)[method.localName] as unknown as ClientMethod;
    return send(
      request,
      callOptions(headers, (sent) =>
        passHeaders(sent, (name, value) => context.responseHeader.set(name, value)),
      ),
    );
  }
}

function failureOf(thrown: unknown, { responseHeader }: HandlerContext): ConnectError {
  if (thrown instanceof ConnectError) return thrown;
  const retryAfter = retryAfterOf(thrown);
  if (retryAfter !== undefined && !responseHeader.has("retry-after"))
    responseHeader.set("retry-after", retryAfter);
  return toConnectError(thrown);
}

/** A stream of requests that breaks in the middle breaks the call: its caller is told of the cause, not of the effect. */
function readable(
  request: Request,
  method: DescMethod,
): { readonly request: Request; failure(): ConnectError | undefined } {
  let failure: ConnectError | undefined;
  async function* messages(stream: AsyncIterable<Message>): AsyncIterable<Message> {
    try {
      yield* stream;
    } catch (thrown) {
      failure = blameCaller(ConnectError.from(thrown), method);
      // As an error of the mesh it counts against nobody who is called.
      throw new SoukError(failure.code as number as Code, failure.rawMessage, [], thrown);
    }
  }
  return {
    request: Symbol.asyncIterator in request ? messages(request) : request,
    failure: () => failure,
  };
}
