import type { EventBus } from "./bus.ts";
import { toHeaders } from "./envelope.ts";

/** A row of the outbox. */
export interface StoredEvent {
  readonly seq: string;
  readonly id: string;
  readonly aggregate_id: string;
  readonly subject: string;
  readonly type: string;
  readonly payload: Buffer;
  readonly request_id: string;
  readonly traceparent: string | null;
  readonly create_time: Date;
}

/** What became of events that were published. */
export interface Published {
  /** The numbers of those that JetStream has stored. */
  readonly stored: readonly string[];
  /** Why others were not, when there are any. */
  readonly failure: unknown;
}

/** How long the server may take to store an event, in ms. */
const PUBLISH_MS = 5_000;
/** After this no more are begun, in ms, so that those that are stored can be forgotten. */
const BATCH_MS = 5_000;

/**
 * Publishes events. What follows an event of the same aggregate waits until that one is stored; the
 * others are on their way at the same time.
 *
 * @param events in the order in which they were stored
 * @param bus where NATS is
 */
export async function publishInOrder(events: readonly StoredEvent[], bus: EventBus): Promise<Published> {
  const stored: string[] = [];
  const latest = performance.now() + BATCH_MS;
  const byAggregate = Map.groupBy(events, ({ aggregate_id }) => aggregate_id);
  const outcomes = await Promise.allSettled(
    [...byAggregate.values()].map(async (ofOne) => {
      for (const event of ofOne) {
        if (performance.now() > latest) return;
        await publish(event, bus);
        stored.push(event.seq);
      }
    }),
  );
  return { stored, failure: outcomes.find((outcome) => outcome.status === "rejected")?.reason };
}

function publish(event: StoredEvent, bus: EventBus): Promise<unknown> {
  const domain = event.subject.split(".")[0] ?? "";
  return bus.withStream(domain, (streamName, { client }) =>
    client.publish(`${bus.namespace}.${event.subject}`, event.payload, {
      msgID: event.id,
      timeout: PUBLISH_MS,
      expect: { streamName },
      headers: toHeaders({
        id: event.id,
        type: event.type,
        requestId: event.request_id,
        traceparent: event.traceparent ?? undefined,
        occurTime: event.create_time,
      }),
    }),
  );
}
