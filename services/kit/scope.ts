import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import type { AuditEntry } from "./audit/entry.ts";
import type { MeshClient } from "./mesh/client.ts";
import type { Principal } from "./principal.ts";

/** What a piece of work runs under: a call, an event, a step of a saga, a run of a job. */
export interface Scope {
  /** Follows the work through all services and logs. */
  readonly requestId: string;
  /** Whom the work is done for. */
  readonly principal: Principal;
  /** When the work must be done, in ms since the epoch. */
  readonly deadline: number;
  /** Aborted when the deadline passes or nobody waits for the result any more. */
  readonly signal: AbortSignal;
  /** Writes the request id with each line. */
  readonly log: Logger;
  /** The authorization header of the user, to pass on with calls made on the user's behalf. */
  readonly authorization?: string;
  /** The IP address of who called from outside, as the gateway saw it. */
  readonly clientAddress?: string;
  /** What the program that called from outside calls itself, as it told the gateway. */
  readonly userAgent?: string;
  /** The W3C trace context to pass on, where there is one. */
  readonly traceparent?: string;
  /** Set when the work must take effect once: the transaction of the work keeps it. */
  readonly idempotency?: IdempotencyKey;
  /** Set when the work is recorded: the transaction of its change keeps the record. */
  readonly audit?: AuditEntry;
  /**
   * A client of another service, under this deadline, for this principal.
   *
   * @param service the contract to call
   */
  mesh<S extends DescService>(service: S): MeshClient<S>;
}

/** Names a request so that repeating it has no further effect. */
export interface IdempotencyKey {
  /** The full name of the method and the principal, within which the key counts. */
  readonly owner: string;
  /** The caller's key. */
  readonly key: string;
  /** SHA-256 of the request: the same key with another request is refused. */
  readonly requestHash: Uint8Array;
  /** The method whose answer is kept. */
  readonly method: DescMethod;
  /** Set by whatever stores the answer under the key. */
  kept: boolean;
}

/**
 * The same work for the part of it that a caller cannot stop by hanging up: what was asked of somebody outside is
 * also recorded. Its deadline stays.
 *
 * @param scope the work
 */
export function toTheEnd(scope: Scope): Scope {
  return Object.create(scope, { signal: { value: new AbortController().signal } });
}
