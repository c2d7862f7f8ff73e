import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { ANONYMOUS } from "../principal.ts";
import type { Scope } from "../scope.ts";
import type { Mesh } from "./open-call.ts";

/** What work that no caller asked for may say of itself. */
export interface RootScopeOptions {
  /** What it follows from; a new one is made otherwise. */
  readonly requestId?: string;
  /** How long it may take, in ms. */
  readonly timeoutMs: number;
  readonly traceparent?: string;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

/** Makes the scope of a piece of work that no caller asked for. */
export type RootScope = (options: RootScopeOptions) => Scope;

/**
 * Makes scopes for work that a service does on its own account: events, steps of sagas, jobs.
 *
 * @param log the service's log
 * @param mesh where clients come from
 */
export function rootScopes(log: Logger, mesh: Mesh): RootScope {
  return ({ requestId = randomUUID(), timeoutMs, traceparent, signal }) => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const scope: Scope = {
      requestId,
      principal: ANONYMOUS,
      deadline: Date.now() + timeoutMs,
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      log: log.child({ requestId }),
      ...(traceparent !== undefined && { traceparent }),
      mesh: (service) => mesh(scope, service),
    };
    return scope;
  };
}
