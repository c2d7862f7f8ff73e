import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { Logger } from "pino";
import type { EventBus } from "./bus.ts";
import { toHeaders } from "./envelope.ts";

/** Brings stored events to JetStream. */
export interface Relay {
  /** Stops after the batch in hand. */
  stop(): Promise<void>;
}

interface StoredEvent {
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

const BATCH = 500;
/** The net under LISTEN: how often the outbox is looked at anyway, in ms. */
const POLL_MS = 1_000;
const PUBLISH_MS = 5_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** One relay works on a database at a time; the lock is the server's and ends with the connection. */
const LOCK = "select pg_try_advisory_lock(hashtext('souk/relay')) as mine";

/**
 * Publishes the events of an outbox, in order for each aggregate, and removes them once they are
 * stored in JetStream. Of several replicas one does the work; another takes over when it is gone.
 *
 * @param options the database, the domain whose stream the events go to, and where NATS is
 */
export function startRelay(options: { url: string; domain: string; bus: EventBus; log: Logger }): Relay {
  const stopping = new AbortController();
  const done = keepRelaying(options, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await done;
    },
  };
}

async function keepRelaying(options: Parameters<typeof startRelay>[0], signal: AbortSignal): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      await relayUntilFailure(options, signal, () => {
        pauseMs = FIRST_PAUSE_MS;
      });
    } catch (error) {
      if (signal.aborted) return;
      options.log.warn({ err: error, pauseMs }, "events wait in the outbox");
      await pause(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }
}

async function relayUntilFailure(
  { url, domain, bus, log }: Parameters<typeof startRelay>[0],
  signal: AbortSignal,
  succeeded: () => void,
): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: `souk-relay-${domain}`, keepAlive: true });
  const wake = createWake();
  const broken = new Promise<never>((_, reject) => client.on("error", reject));
  broken.catch(() => {});
  client.on("notification", wake.ring);
  signal.addEventListener("abort", wake.ring, { once: true });
  try {
    await client.connect();
    while (!signal.aborted && !(await isLeader(client))) await Promise.race([pause(POLL_MS, signal), broken]);
    await client.query("listen mesh_outbox");
    while (!signal.aborted) {
      const published = await publishBatch(client, domain, bus, log);
      succeeded();
      if (published < BATCH) await Promise.race([wake.wait(POLL_MS), broken]);
    }
  } finally {
    signal.removeEventListener("abort", wake.ring);
    await client.end().catch(() => {});
  }
}

async function isLeader(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query(LOCK);
  return rows[0].mine;
}

async function publishBatch(client: pg.Client, domain: string, bus: EventBus, log: Logger): Promise<number> {
  const { rows } = await client.query<StoredEvent>({
    name: "outbox",
    text: `select seq, id, aggregate_id, subject, type, payload, request_id, traceparent, create_time
             from mesh.outbox order by seq limit ${BATCH}`,
  });
  if (rows.length === 0) return 0;
  const stream = await bus.ensureStream(domain);
  const { client: jetstream } = await bus.streams();
  const stored: string[] = [];

  /** What follows an event of the same aggregate waits until that one is stored. */
  async function publishInOrder(events: readonly StoredEvent[]): Promise<void> {
    for (const event of events) {
      await jetstream.publish(`${bus.namespace}.${event.subject}`, event.payload, {
        msgID: event.id,
        timeout: PUBLISH_MS,
        expect: { streamName: stream },
        headers: toHeaders({
          id: event.id,
          type: event.type,
          requestId: event.request_id,
          traceparent: event.traceparent ?? undefined,
          occurTime: event.create_time,
        }),
      });
      stored.push(event.seq);
    }
  }

  const byAggregate = Map.groupBy(rows, ({ aggregate_id }) => aggregate_id);
  const outcomes = await Promise.allSettled([...byAggregate.values()].map(publishInOrder));
  if (stored.length > 0) {
    await client.query({ name: "outbox-done", text: "delete from mesh.outbox where seq = any($1)", values: [stored] });
  }
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  log.debug({ events: stored.length }, "events published");
  return rows.length;
}

/** A bell that may ring before anybody waits for it. */
function createWake() {
  let rung = false;
  let ringWaiting: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      ringWaiting?.();
    },
    async wait(ms: number): Promise<void> {
      if (!rung) {
        const bell = Promise.withResolvers<void>();
        ringWaiting = bell.resolve;
        const timer = setTimeout(bell.resolve, ms);
        await bell.promise;
        clearTimeout(timer);
      }
      rung = false;
    },
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
