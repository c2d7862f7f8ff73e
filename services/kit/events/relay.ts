import pg from "pg";
import type { Logger } from "pino";
import type { Signal } from "../data/signal.ts";
import type { EventBus } from "./bus.ts";
import { pause } from "./pause.ts";
import { publishInOrder, type StoredEvent } from "./publish.ts";

/** Brings stored events to JetStream. */
export interface Relay {
  /** Stops after the batch in hand. */
  stop(): Promise<void>;
}

/** What a relay works with. */
export interface RelayOptions {
  /** The database whose outbox it is. */
  readonly url: string;
  /** Whose it is. */
  readonly service: string;
  readonly bus: EventBus;
  /** Rings when this process stored events. */
  readonly outbox: Signal<unknown>;
  readonly log: Logger;
}

const BATCH = 500;
/** Where the relay that does the work hears of events that other replicas stored. */
const CHANNEL = "mesh_outbox";
/** The least time between two notifications, and between two looks while events come, in ms. */
const SPACING_MS = 50;
/** The net under LISTEN: how often the outbox is looked at anyway, in ms. */
const POLL_MS = 1_000;
/** How often it is looked whether NATS is back, in ms. */
const AWAY_MS = 500;
const CONNECT_MS = 3_000;
/** After this the database is taken for frozen. */
const ANSWER_MS = 20_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;
/** One relay works on a database at a time; the lock is the server's and ends with the connection. */
const LOCK = "select pg_try_advisory_lock(hashtext('souk/relay')) as mine";
/** The server ends the session, and with it the lock, of a relay that stands still; a live one looks each second. */
const STAND_STILL = "-c idle_session_timeout=20000";
/** A removal that a power cut undoes brings back an event that was published; under its id it takes effect once. */
const UNFLUSHED = "-c synchronous_commit=off";

/**
 * Publishes the events of an outbox, in order for each aggregate, and removes them once they are
 * stored in JetStream. Of several replicas one does the work; another takes over when it is gone.
 *
 * @param options what it works with
 */
export function startRelay(options: RelayOptions): Relay {
  const stopping = new AbortController();
  const done = keepRelaying(options, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await done;
    },
  };
}

async function keepRelaying(options: RelayOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await relayUntilFailure(options, signal);
    } catch (error) {
      if (signal.aborted) return;
      options.log.warn({ err: error }, "the outbox cannot be read");
      await pause(POLL_MS, signal);
    }
  }
}

/** @throws whatever ends the connection to the database, and with it the right to publish */
async function relayUntilFailure(options: RelayOptions, signal: AbortSignal): Promise<void> {
  const { url, service, outbox } = options;
  const client = new pg.Client({
    connectionString: url,
    application_name: `souk-relay-${service}`,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
    options: `${STAND_STILL} ${UNFLUSHED}`,
  });
  const broken = new Promise<never>((_, reject) => client.on("error", reject));
  broken.catch(() => {});
  const wake = createWake();
  client.on("notification", wake.ring);
  signal.addEventListener("abort", wake.ring, { once: true });
  const unheed = outbox.heed(wake.ring);
  try {
    await client.connect();
    while (!signal.aborted && !(await isLeader(client))) await tellLeader(client, wake, broken, signal);
    await client.query(`listen ${CHANNEL}`);
    await publishForEver(client, options, wake, broken, signal);
  } finally {
    unheed();
    signal.removeEventListener("abort", wake.ring);
    await client.end().catch(() => {});
  }
}

/**
 * Passes on, for a while, that this process stored events. It is not part of their transactions: a commit that
 * notifies takes a lock that is one for the whole server, so that such commits go one by one.
 */
async function tellLeader(
  client: pg.Client,
  wake: Wake,
  broken: Promise<never>,
  signal: AbortSignal,
): Promise<void> {
  const latest = performance.now() + POLL_MS;
  for (let left = POLL_MS; left > 0 && !signal.aborted; left = latest - performance.now()) {
    const rung = await Promise.race([wake.wait(left), broken]);
    if (!rung || signal.aborted) return;
    await client.query("select pg_notify($1, '')", [CHANNEL]);
    await pause(SPACING_MS, signal);
  }
}

async function publishForEver(
  client: pg.Client,
  options: RelayOptions,
  wake: Wake,
  broken: Promise<never>,
  signal: AbortSignal,
): Promise<void> {
  let stored: readonly string[] = [];
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted || stored.length > 0) {
    // Nothing is read that cannot be published.
    const away = options.bus.isAway();
    wake.hush();
    const events = await forgetAndRead(client, stored, signal.aborted || away ? 0 : BATCH);
    const outcome = await publishInOrder(events, options.bus);
    stored = outcome.stored;
    if (outcome.failure !== undefined) {
      if (pauseMs === FIRST_PAUSE_MS) options.log.warn({ err: outcome.failure }, "events wait in the outbox");
      await Promise.race([pause(pauseMs, signal), broken]);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    } else {
      pauseMs = FIRST_PAUSE_MS;
      // What was published is removed by the next look; soon, for by then others may have come.
      if (stored.length > 0 && events.length < BATCH) await Promise.race([pause(SPACING_MS, signal), broken]);
      if (stored.length > 0 || signal.aborted) continue;
      await Promise.race([away ? pause(AWAY_MS, signal) : wake.wait(POLL_MS), broken]);
    }
  }
}

async function isLeader(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query(LOCK);
  return rows[0].mine;
}

/** Removes the events that JetStream has and reads those that come next, in one statement. */
async function forgetAndRead(
  client: pg.Client,
  stored: readonly string[],
  limit: number,
): Promise<StoredEvent[]> {
  const { rows } = await client.query<StoredEvent>({
    name: "outbox",
    text: `with gone as (delete from mesh.outbox where seq = any($1))
           select seq, id, aggregate_id, subject, type, payload, request_id, traceparent, create_time
             from mesh.outbox where seq <> all($1) order by seq limit $2`,
    values: [stored, limit],
  });
  return rows;
}

/** A bell that may ring before anybody waits for it. */
interface Wake {
  readonly ring: () => void;
  /** Forgets that it rang: whatever rang for is looked at. */
  hush(): void;
  /** @returns whether it rang within `ms` */
  wait(ms: number): Promise<boolean>;
}

function createWake(): Wake {
  let rung = false;
  let ringWaiting: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      ringWaiting?.();
    },
    hush() {
      rung = false;
    },
    async wait(ms) {
      if (!rung) {
        const bell = Promise.withResolvers<void>();
        ringWaiting = bell.resolve;
        const timer = setTimeout(bell.resolve, ms);
        await bell.promise;
        clearTimeout(timer);
      }
      const rang = rung;
      rung = false;
      return rang;
    },
  };
}
