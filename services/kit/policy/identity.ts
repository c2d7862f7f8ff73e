import type { Authenticator } from "../identity/authenticator.ts";
import { type Interceptor, isStream, observeEnd, type Payload } from "../rpc/call.ts";
import { untilAborted } from "../rpc/until-aborted.ts";

/** The header that carries the token of the calling service. */
export const SERVICE_TOKEN_HEADER = "souk-service-token";
/** The header in which the gateway says from which address a call came to it. */
export const CLIENT_ADDRESS_HEADER = "souk-client-address";
/** The header in which the gateway says what the program that called it calls itself. */
export const USER_AGENT_HEADER = "souk-user-agent";
/** The one program that hands on calls from outside, sees who makes them, and may remember answers in turn. */
export const GATEWAY = "gateway";

/**
 * Finds out whom a call is for, by the token of the user, and who makes it, by the token of the
 * service. A token that is not good refuses the call even where none is needed, and ends a stream that goes on.
 *
 * @param authenticator checks tokens
 */
export function identity(authenticator: Authenticator): Interceptor {
  return (next) => async (call, request) => {
    const serviceToken = call.headers.get(SERVICE_TOKEN_HEADER);
    if (serviceToken !== undefined) {
      const service = authenticator.authenticateService(serviceToken);
      call.caller = service.name;
      call.principal = service;
      const address = call.headers.get(CLIENT_ADDRESS_HEADER);
      if (service.name === GATEWAY && address) call.clientAddress = address;
      if (service.name === GATEWAY) call.userAgent = call.headers.get(USER_AGENT_HEADER);
    }
    const authorization = call.headers.get("authorization");
    if (authorization !== undefined) {
      call.principal = await authenticator.authenticate(authorization);
      call.authorization = authorization;
    }
    const { principal } = call;
    if (call.method.methodKind === "unary" || principal.kind !== "user") return next(call, request);
    const session = new AbortController();
    const unwatch = authenticator.watch(principal, (refusal) => {
      call.abort(refusal);
      session.abort(refusal);
    });
    // Nobody reads, and so ends, the stream of a call whose time was up before there was one.
    call.signal.addEventListener("abort", unwatch, { once: true });
    return observeEnd(endedWith(session.signal, next(call, request)), unwatch);
  };
}

/** A stream outlives the moment in which its token was looked at, but not the session. */
async function endedWith(session: AbortSignal, answer: Promise<Payload>): Promise<Payload> {
  const reply = await answer;
  return isStream(reply) ? untilAborted(reply, session) : reply;
}
