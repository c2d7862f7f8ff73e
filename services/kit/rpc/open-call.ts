import { randomUUID } from "node:crypto";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { policyOf } from "../contract.ts";
import type { MeshClient } from "../mesh/client.ts";
import { ANONYMOUS } from "../principal.ts";
import type { Scope } from "../scope.ts";
import type { OpenCall, RequestHeaders } from "./call.ts";

/** Gives a client of a service for the scope in which it is called. */
export type Mesh = <S extends DescService>(scope: Scope, service: S) => MeshClient<S>;

/** What a transport knows of a call that comes in. */
export interface IncomingCall {
  readonly method: DescMethod;
  readonly headers: RequestHeaders;
  /** In ms since the epoch; Infinity when the caller set none. */
  readonly deadline: number;
}

const REQUEST_ID = /^[\w.:-]{1,100}$/;

/**
 * The id under which a request is followed: the caller's own where it is fit for logs, else a new one.
 *
 * @param headers what the caller sent
 */
export function requestIdOf(headers: { get(name: string): string | null | undefined }): string {
  const given = headers.get("x-request-id") ?? "";
  return REQUEST_ID.test(given) ? given : randomUUID();
}

/**
 * Opens a call for the interceptors to fill in. Signal and log are made when they are first asked
 * for: most calls need neither.
 *
 * @param incoming what the transport knows
 * @param log the service's log
 * @param mesh where clients come from
 */
export function openCall(incoming: IncomingCall, log: Logger, mesh: Mesh): OpenCall {
  return makeCall(incoming, requestIdOf(incoming.headers), log, mesh);
}

function makeCall(incoming: IncomingCall, requestId: string, log: Logger, mesh: Mesh): OpenCall {
  let controller: AbortController | undefined;
  let aborted: { reason: unknown } | undefined;
  let ownLog: Logger | undefined;
  const call: OpenCall = {
    requestId,
    method: incoming.method,
    policy: policyOf(incoming.method),
    headers: incoming.headers,
    deadline: incoming.deadline,
    principal: ANONYMOUS,
    caller: undefined,
    responseHeaders: new Map(),
    get signal() {
      controller ??= new AbortController();
      if (aborted !== undefined && !controller.signal.aborted) controller.abort(aborted.reason);
      return controller.signal;
    },
    get log() {
      ownLog ??= log.child({ requestId, method: incoming.method.toString() });
      return ownLog;
    },
    abort(reason) {
      aborted ??= { reason };
      controller?.abort(reason);
    },
    fork(deadline) {
      const { principal, caller, authorization, clientAddress, traceparent } = call;
      const fork = makeCall({ ...incoming, deadline }, requestId, log, mesh);
      return Object.assign(fork, {
        principal,
        caller,
        ...(authorization !== undefined && { authorization }),
        ...(clientAddress !== undefined && { clientAddress }),
        ...(traceparent !== undefined && { traceparent }),
      });
    },
    mesh: (service) => mesh(call, service),
  };
  return call;
}
