import {
  type ConsumerUpdateConfig,
  type Consumer as Cursor,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
} from "@nats-io/jetstream";
import { eventSubject } from "../data/outbox.ts";
import type { EventBus } from "./bus.ts";
import type { Subscription } from "./subscription.ts";

/** Where the events of one domain that a service heeds come from: a durable consumer of their stream. */
export interface Source {
  readonly domain: string;
  /** Whether what is heeded depends on wishes. */
  readonly mayVary: boolean;
  /** What is heeded now; undefined while that is not known. */
  subjects(): readonly string[] | undefined;
  /** Has the stream keep what is heeded now, and nothing where that is none. */
  shape(): Promise<void>;
  /** Works with it; where what is heeded depends on wishes, it is as `shape` left it. */
  open<R>(work: (cursor: Cursor) => Promise<R>): Promise<R>;
}

/** The server delivers again what it heard nothing of in this time, in ms; it hears of what is in hand. */
export const ACK_WAIT_MS = 10_000;
/** How many events may be out at all consumers of a service, those that wait to be tried again included. */
const MOST_UNACKNOWLEDGED = 5_000;

/**
 * The source of the events of a domain.
 *
 * @param options whose it is, and where NATS is
 * @param domain for example "order"
 * @param subscriptions what may be heeded of it
 */
export function sourceOf(
  { service, bus }: { readonly service: string; readonly bus: EventBus },
  domain: string,
  subscriptions: readonly Subscription[],
): Source {
  /** What is wanted now is not to be told of what was. */
  const deliverPolicy = subscriptions.every(({ wishes }) => wishes !== undefined) ? "new" : "all";

  function subjects() {
    if (subscriptions.some(({ wishes }) => wishes && wishes.types === undefined)) return undefined;
    const wanted = subscriptions.filter(({ wishes, schema }) => wishes?.types?.has(schema.typeName) ?? true);
    return [...new Set(wanted.map(({ schema }) => `${bus.namespace}.${eventSubject(schema)}.*`))];
  }

  /** A release that heeds other events than the one before changes its consumer and goes on where that was. */
  async function ensure(manager: JetStreamManager, stream: string): Promise<void> {
    const heeded = subjects() ?? [];
    // The server takes a filter that names nothing for none.
    if (heeded.length === 0) throw new Error(`nothing of ${domain} is wanted any more`);
    const settings: ConsumerUpdateConfig = {
      ack_wait: ACK_WAIT_MS * 1e6,
      max_ack_pending: MOST_UNACKNOWLEDGED,
      filter_subjects: [...heeded],
    };
    try {
      await manager.consumers.update(stream, service, settings);
    } catch (error) {
      if (!isMissing(error)) throw error;
      const made = { durable_name: service, ack_policy: "explicit", deliver_policy: deliverPolicy } as const;
      await manager.consumers.add(stream, { ...made, ...settings });
    }
  }

  const mayVary = subscriptions.some(({ wishes }) => wishes !== undefined);
  return {
    domain,
    mayVary,
    subjects,
    shape: () =>
      bus.withStream(domain, async (stream, { manager }) => {
        if (subjects()?.length !== 0) return ensure(manager, stream);
        await manager.consumers.delete(stream, service).catch((error: unknown) => {
          if (!isMissing(error)) throw error;
        });
      }),
    open: (work) =>
      bus.withStream(domain, async (stream, { client, manager }) => {
        // Another replica may know of newer wishes and have set the consumer to them: none goes back to older ones.
        if (!mayVary || !(await isThere(manager, stream, service))) await ensure(manager, stream);
        return work(await client.consumers.get(stream, service));
      }),
  };
}

/** Whether there is something to take from a source. */
export function isOpen(source: Source): boolean {
  return (source.subjects()?.length ?? 0) > 0;
}

async function isThere(manager: JetStreamManager, stream: string, durable: string): Promise<boolean> {
  try {
    await manager.consumers.info(stream, durable);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.ConsumerNotFound;
}
