import {
  create,
  type DescMethod,
  type DescService,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { methodName, policyOf } from "../contract.ts";
import { MeshReason, refuseMesh, stopped } from "../error.ts";
import { IDEMPOTENCY_KEY_HEADER } from "../policy/idempotency.ts";
import { CLIENT_ADDRESS_HEADER, SERVICE_TOKEN_HEADER, USER_AGENT_HEADER } from "../policy/identity.ts";
import type { Decoded } from "../rpc/call.ts";
import type { Mesh } from "../rpc/open-call.ts";
import type { Scope } from "../scope.ts";
import type { Breakers } from "./breakers.ts";
import type { CallOptions, MeshClient } from "./client.ts";
import type { Answer, Outbound, Transport } from "./transport.ts";

/** The header that says whose OperationsService is meant. */
export const SERVICE_HEADER = "souk-service";

/** What stands before calls. */
type Guard = Pick<Breakers, "guard">;

/** Calls a method that answers once, for who wants the answer as it came. */
export type Caller = (
  method: DescMethod,
  request: RequestInit,
  scope: Scope,
  options?: CallOptions,
) => Promise<Answer>;

/**
 * Makes that by which all calls of a mesh go that are answered once.
 *
 * @param transport carries the calls
 * @param breakers refuse calls to what is failing
 * @param serviceToken gives the service's own token; left out by those who are no service
 */
export function createCaller(transport: Transport, breakers: Guard, serviceToken?: () => string): Caller {
  return async (method, request, scope, options) => {
    const outbound = outboundOf(method, scope, options, serviceToken);
    const run = () => transport.call(method, payload(method, request), outbound);
    return breakers.guard(method, run, timeLeft(outbound));
  };
}

/**
 * Makes the mesh as one service sees it: typed clients whose calls end with the deadline of the
 * scope, speak for its principal, prove who calls, and stand behind a breaker each.
 *
 * @param transport carries the calls
 * @param breakers refuse calls to what is failing
 * @param serviceToken gives the service's own token; left out by those who are no service
 */
export function createMesh(transport: Transport, breakers: Guard, serviceToken?: () => string): Mesh {
  const call = createCaller(transport, breakers, serviceToken);
  return <S extends DescService>(scope: Scope, service: S) => {
    const client: Record<string, unknown> = {};
    for (const method of service.methods) {
      client[method.localName] = clientMethod(method, scope);
    }
    return client as MeshClient<S>;
  };

  function clientMethod(method: DescMethod, scope: Scope) {
    if (method.methodKind === "unary" || method.methodKind === "client_streaming") {
      return async (request: RequestInit, options?: CallOptions) =>
        (await call(method, request, scope, options)).message;
    }
    return (request: RequestInit, options?: CallOptions) => guardedStream(method, request, scope, options);
  }

  /** The breaker judges a stream by its first message: what comes after is a long time away. */
  async function* guardedStream(
    method: DescMethod,
    request: RequestInit,
    scope: Scope,
    options?: CallOptions,
  ) {
    const outbound = outboundOf(method, scope, options, serviceToken);
    const stream = transport.stream(method, payload(method, request), outbound);
    const messages = stream[Symbol.asyncIterator]();
    try {
      for (
        let step = await breakers.guard(method, () => messages.next(), timeLeft(outbound));
        step.done !== true;
        step = await messages.next()
      ) {
        yield step.value;
      }
    } finally {
      await messages.return?.();
    }
  }
}

/** @throws SoukError DEADLINE_EXCEEDED, CALLER_GONE: what nobody waits for any more is not begun */
function outboundOf(
  method: DescMethod,
  scope: Scope,
  options: CallOptions = {},
  serviceToken?: () => string,
): Outbound {
  const headers = new Map([["x-request-id", scope.requestId]]);
  if (serviceToken !== undefined) headers.set(SERVICE_TOKEN_HEADER, serviceToken());
  if (scope.authorization !== undefined) headers.set("authorization", scope.authorization);
  if (scope.traceparent !== undefined) headers.set("traceparent", scope.traceparent);
  if (scope.clientAddress !== undefined) headers.set(CLIENT_ADDRESS_HEADER, scope.clientAddress);
  if (scope.userAgent !== undefined) headers.set(USER_AGENT_HEADER, scope.userAgent);
  if (options.idempotencyKey !== undefined) headers.set(IDEMPOTENCY_KEY_HEADER, options.idempotencyKey);
  const signal = options.signal ? AbortSignal.any([scope.signal, options.signal]) : scope.signal;
  const deadline = deadlineOf(method, scope, options);
  return { headers, deadline, signal, ...(options.onHeaders && { onHeaders: options.onHeaders }) };
}

/** How much of its own time, in ms, a caller keeps for the way back, so that it still can answer; a tenth at most. */
const RESERVE_MS = 20;

function deadlineOf(method: DescMethod, { deadline, signal }: Scope, { timeoutMs }: CallOptions): number {
  if (signal.aborted) throw stopped(signal.reason);
  const now = Date.now();
  const left = deadline - now;
  if (left <= 0) {
    const message = `there was no time left to call ${methodName(method)}`;
    throw refuseMesh(MeshReason.DEADLINE_EXCEEDED, message);
  }
  const reserved = left - Math.min(RESERVE_MS, left / 10);
  return now + Math.min(reserved, timeoutMs ?? Number.POSITIVE_INFINITY, policyOf(method).timeoutMs);
}

function timeLeft({ deadline }: Outbound): number {
  return deadline - Date.now();
}

type RequestInit =
  | MessageInitShape<DescMethod["input"]>
  | AsyncIterable<MessageInitShape<DescMethod["input"]>>;

function payload(method: DescMethod, request: RequestInit): Decoded {
  if (Symbol.asyncIterator in request) return eachCreated(method, request as AsyncIterable<Message>);
  return create(method.input, request);
}

async function* eachCreated(method: DescMethod, requests: AsyncIterable<Message>): AsyncIterable<Message> {
  for await (const request of requests) yield create(method.input, request);
}
