import { fromBinary, type Message } from "@bufbuild/protobuf";
import type { MsgHdrs } from "@nats-io/transport-node";
import type { Database } from "../data/database.ts";
import type { RootScope } from "../rpc/root-scope.ts";
import { type Envelope, fromHeaders } from "./envelope.ts";
import { pause } from "./pause.ts";
import { type Subscription, UnfitEvent } from "./subscription.ts";

/** An event as it comes from a stream. */
export interface IncomingEvent {
  readonly data: Uint8Array;
  readonly headers?: MsgHdrs | undefined;
}

/** An event that somebody here heeds. */
export interface ReadEvent {
  readonly envelope: Envelope;
  /** What is done on it, in this order. */
  readonly subscriptions: readonly Subscription[];
  readonly event: Message;
}

/** The way of every event of a service, fresh or replayed. */
export interface EventHandler {
  /** @throws UnfitEvent */
  read(incoming: IncomingEvent): ReadEvent;
  /**
   * Lets events take effect, each once: their effects and the memory of them are one transaction.
   *
   * @param events in their order
   * @throws whatever a handler throws; then none took effect
   */
  handle(events: readonly ReadEvent[]): Promise<void>;
  /** Waits until the database of the effects answers, or the signal is aborted; false when it answered at once. */
  waitForDatabase(signal: AbortSignal): Promise<boolean>;
}

/** How long handling may take, in ms. */
export const HANDLE_MS = 20_000;
const AWAY_MS = 500;

/**
 * Makes the way of every event of a service.
 *
 * @param service whose inbox it is
 * @param subscriptions what is heeded
 * @param db the service's database
 * @param rootScope makes the scope of the work
 */
export function eventHandler(
  service: string,
  subscriptions: readonly Subscription[],
  db: Database,
  rootScope: RootScope,
): EventHandler {
  const byType = Map.groupBy(subscriptions, ({ schema }) => schema.typeName);

  function scopeOf({ requestId, traceparent }: Envelope) {
    return rootScope({ requestId, timeoutMs: HANDLE_MS, ...(traceparent !== undefined && { traceparent }) });
  }

  return {
    read(incoming) {
      try {
        const envelope = fromHeaders(incoming.headers);
        const heeding = byType.get(envelope.type);
        if (heeding?.[0] === undefined) throw new Error(`nothing here heeds ${envelope.type}`);
        return { envelope, subscriptions: heeding, event: fromBinary(heeding[0].schema, incoming.data) };
      } catch (cause) {
        throw new UnfitEvent(cause instanceof Error ? cause.message : String(cause), { cause });
      }
    },

    async handle(events) {
      const [first] = events;
      if (first === undefined) return;
      await db.write(scopeOf(first.envelope), async (tx) => {
        const unheard = await tx.remember(
          service,
          events.map(({ envelope }) => envelope.id),
        );
        for (const { envelope, subscriptions, event } of events) {
          // One that stands here twice is handled once, too.
          if (!unheard.delete(envelope.id)) continue;
          const scope = scopeOf(envelope);
          const context = { eventId: envelope.id, occurTime: envelope.occurTime, scope };
          for (const { handle } of subscriptions) await handle(event, tx.within(scope), context);
        }
      });
    },

    async waitForDatabase(signal) {
      for (let waited = false; ; waited = true) {
        try {
          await db.pool.run("select 1");
          return waited;
        } catch {
          await pause(AWAY_MS, signal);
          if (signal.aborted) return true;
        }
      }
    },
  };
}
