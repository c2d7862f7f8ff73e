import type { RawBuilder } from "kysely";
import type { StoredDelivery } from "./delivery-queue.ts";

/** What became of an attempt to hand something over. */
export type Outcome =
  | { readonly kind: "taken"; readonly statusCode: number }
  /** The receiver does not take it; `forGood` when it never will. */
  | {
      readonly kind: "refused";
      readonly forGood: boolean;
      /** What it answered; 0 when nothing. */
      readonly statusCode: number;
      readonly reason: string;
      /** For how long it asks to be left alone, in ms. */
      readonly retryAfterMs?: number;
    }
  /** Nobody answered, or the connection broke. */
  | { readonly kind: "unanswered"; readonly reason: string }
  /** The receiver goes on failing and is left alone for now, in ms: it was not asked. */
  | { readonly kind: "spared"; readonly retryAfterMs: number };

/** A way in which things are sent to somebody. */
export interface Channel {
  readonly name: "EMAIL" | "WEBHOOK";
  /** How many deliveries are handed over at a time: a batch waits for the slowest of it. */
  readonly atOnce: number;
  /** A batch of so many may have left others that are due. */
  readonly fullAt: number;
  /** How many batches are under way side by side. */
  readonly batches: number;
  /** How long handing one over may take in all, in ms. */
  readonly deliverMs: number;
  /** A delivery is given up after this many attempts. */
  readonly mostAttempts: number;
  /** How long after the first refusal a delivery is tried again, in ms; twice as long each time. */
  readonly retryMs: number;
  /** The longest time between two attempts, in ms. */
  readonly longestRetryMs: number;
  /** How often it is looked for deliveries when nobody says that one comes, in ms: another replica may store it. */
  readonly pollMs: number;
  /**
   * Selects the ids of deliveries that are due, and locks them.
   *
   * @param limit how many at most
   */
  due(limit: number): RawBuilder<unknown>;
  /**
   * Hands a delivery over.
   *
   * @throws Error when what it needs is away: then the delivery is tried again when its lease ends
   */
  deliver(delivery: StoredDelivery): Promise<Outcome>;
  /**
   * Asks the server that all deliveries go through whether it is there; left out where each has a receiver of its own.
   *
   * @throws Error when the server is away, or does not let us in
   */
  check?(): Promise<void>;
  close(): void;
}
