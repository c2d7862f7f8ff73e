import type { DescMethod, Message } from "@bufbuild/protobuf";
import { ConnectError, type HandlerContext } from "@connectrpc/connect";
import { policyOf } from "#kit/contract.ts";
import { type Code, SoukError } from "#kit/error.ts";
import type { CallOptions } from "#kit/mesh/client.ts";
import type { Member } from "#kit/mesh/join-mesh.ts";
import { IDEMPOTENCY_KEY_HEADER } from "#kit/policy/idempotency.ts";
import { ANONYMOUS } from "#kit/principal.ts";
import { requestIdOf } from "#kit/rpc/open-call.ts";
import type { Scope } from "#kit/scope.ts";
import { toConnectError } from "./connect-error.ts";

type Request = Message | AsyncIterable<Message>;
type ClientMethod = (request: Request, options: CallOptions) => Promise<Message> | AsyncIterable<Message>;

/**
 * Makes the Connect handler that hands a method on to the service that serves it, with the
 * caller's token, deadline and idempotency key.
 *
 * @param method the method
 * @param member the gateway's place in the mesh
 */
export function forward(method: DescMethod, member: Member) {
  const answersOnce = method.methodKind === "unary" || method.methodKind === "client_streaming";
  return answersOnce
    ? async (request: Request, context: HandlerContext) => {
        const read = readable(request);
        try {
          return await (call(read.request, context) as Promise<Message>);
        } catch (thrown) {
          throw toConnectError(read.failure() ?? thrown);
        }
      }
    : async function* (request: Request, context: HandlerContext) {
        const read = readable(request);
        try {
          yield* call(read.request, context) as AsyncIterable<Message>;
        } catch (thrown) {
          throw toConnectError(read.failure() ?? thrown);
        }
      };

  function call(request: Request, context: HandlerContext) {
    const client = member.mesh(scopeOf(context, method, member), method.parent);
    const idempotencyKey = context.requestHeader.get(IDEMPOTENCY_KEY_HEADER) ?? undefined;
    const send = client[method.localName] as unknown as ClientMethod;
    return send(request, idempotencyKey === undefined ? {} : { idempotencyKey });
  }
}

/** A stream of requests that breaks in the middle breaks the call: its caller is told of the cause, not of the effect. */
function readable(request: Request): { readonly request: Request; failure(): SoukError | undefined } {
  let failure: SoukError | undefined;
  async function* messages(stream: AsyncIterable<Message>): AsyncIterable<Message> {
    try {
      yield* stream;
    } catch (thrown) {
      const { code, rawMessage } = ConnectError.from(thrown);
      failure = new SoukError(code as number as Code, rawMessage, [], thrown);
      throw failure;
    }
  }
  return {
    request: Symbol.asyncIterator in request ? messages(request) : request,
    failure: () => failure,
  };
}

function scopeOf(context: HandlerContext, method: DescMethod, member: Member): Scope {
  const { requestHeader, signal } = context;
  const requestId = requestIdOf(requestHeader);
  context.responseHeader.set("x-request-id", requestId);
  const authorization = requestHeader.get("authorization");
  const traceparent = requestHeader.get("traceparent");
  const scope: Scope = {
    requestId,
    principal: ANONYMOUS,
    deadline:
      Date.now() + Math.min(context.timeoutMs() ?? Number.POSITIVE_INFINITY, policyOf(method).timeoutMs),
    signal,
    log: member.log,
    ...(authorization !== null && { authorization }),
    ...(traceparent !== null && { traceparent }),
    mesh: (service) => member.mesh(scope, service),
  };
  return scope;
}
