import type { DescMethod } from "@bufbuild/protobuf";
import { policyOf } from "#kit/contract.ts";
import type { CallOptions } from "#kit/mesh/client.ts";
import type { Member } from "#kit/mesh/join-mesh.ts";
import type { AnswerHeaders } from "#kit/mesh/transport.ts";
import { IDEMPOTENCY_KEY_HEADER } from "#kit/policy/idempotency.ts";
import { traceparentOf } from "#kit/policy/trace.ts";
import { ANONYMOUS } from "#kit/principal.ts";
import type { RequestHeaders } from "#kit/rpc/call.ts";
import type { Scope } from "#kit/scope.ts";
import { malformed } from "./blame-caller.ts";

/** What the gateway knows of a call from outside. */
export interface OutsideCall {
  readonly method: DescMethod;
  readonly headers: RequestHeaders;
  readonly requestId: string;
  /** How long the caller waits, in ms; undefined when it does not say. */
  readonly timeoutMs: number | undefined;
  readonly clientAddress: string;
  /** Aborted when the caller is gone. */
  readonly signal: AbortSignal;
}

/**
 * What a call from outside is forwarded under: its caller's token, deadline and address.
 *
 * @param call the call
 * @param member the gateway's place in the mesh
 * @throws ConnectError INVALID_REQUEST when a header holds what gRPC cannot carry
 */
export function openScope(call: OutsideCall, member: Member): Scope {
  const { method, headers, requestId, clientAddress, signal } = call;
  const timeoutMs = Math.min(call.timeoutMs ?? Number.POSITIVE_INFINITY, policyOf(method).timeoutMs);
  const scope: Scope = {
    requestId,
    principal: ANONYMOUS,
    deadline: Date.now() + timeoutMs,
    signal,
    log: member.log,
    authorization: carried(headers, "authorization"),
    traceparent: traceparentOf(headers),
    clientAddress,
    userAgent: fitUserAgent(headers.get("user-agent")),
    mesh: (service) => member.mesh(scope, service),
  };
  return scope;
}

/** What gRPC can carry in a header (gRPC over HTTP/2, "Custom-Metadata"). */
const PRINTABLE = /^[\x20-\x7e]*$/;

function carried(headers: RequestHeaders, name: string): string | undefined {
  const value = headers.get(name);
  if (value === undefined || PRINTABLE.test(value)) return value;
  throw malformed(`the header ${name} holds more than printable ASCII; leave out all else`);
}

/** What gRPC can carry of it: printable ASCII, and no more than sessions are listed with. */
function fitUserAgent(named: string | undefined): string | undefined {
  return (
    named
      ?.replace(/[^\x20-\x7e]/g, "")
      .slice(0, 200)
      .trim() || undefined
  );
}

/**
 * What is said with a call that is forwarded.
 *
 * @param headers what the caller sent
 * @param onHeaders told of what the service sends along
 * @throws ConnectError INVALID_REQUEST when a header holds what gRPC cannot carry
 */
export function callOptions(
  headers: RequestHeaders,
  onHeaders: (headers: AnswerHeaders) => void,
): CallOptions {
  return { idempotencyKey: carried(headers, IDEMPOTENCY_KEY_HEADER), onHeaders };
}
