import { sql } from "kysely";
import type { Logger } from "pino";
import { isMeshRefusal, MeshReason } from "#kit/error.ts";
import { pause } from "#kit/events/pause.ts";
import { createWishes, type Wishes } from "#kit/events/wishes.ts";
import type { RootScope } from "#kit/rpc/root-scope.ts";
import type { NotificationDatabase } from "../database.ts";
import type { NotificationResources } from "./webhooks.ts";

/** Which events some endpoint that is in use asks for. */
export interface WantedEvents {
  readonly wishes: Wishes;
  /** Looks whether that changed; when it is done, what happens from then on is kept for the endpoints. Never throws. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

/** How often it is looked, in ms: another replica may have changed an endpoint. */
const LOOK_MS = 5_000;
/** How often while the last change is not settled, in ms: until the first is, nothing is taken from the streams. */
const UNSETTLED_MS = 250;
/**
 * How often the streams are set to what is wanted even where it is the same, in ms: a replica of an older release, or an
 * operator, may have set them to something else.
 */
const SET_AGAIN_MS = 60_000;
/** How long a look may take, in ms. */
const PATIENCE_MS = 5_000;

const opened = new WeakMap<NotificationDatabase, WantedEvents>();

/** Which events some endpoint asks for; the same for all that one service is made of. */
export function openWantedEvents({ db, rootScope, log, onStop }: NotificationResources): WantedEvents {
  let wanted = opened.get(db);
  if (wanted === undefined) {
    wanted = watchWantedEvents(db, rootScope, log);
    onStop(wanted.stop);
    opened.set(db, wanted);
  }
  return wanted;
}

function watchWantedEvents(db: NotificationDatabase, rootScope: RootScope, log: Logger): WantedEvents {
  const stopping = new AbortController();
  const wishes = createWishes();
  /** What the streams are known to keep. */
  let kept: ReadonlySet<string> | undefined;
  let keptUntil = 0;
  let told = false;

  async function look(): Promise<void> {
    try {
      if (isSame(await read(db.sql), kept) && performance.now() < keptUntil) return;
      await db.write(rootScope({ timeoutMs: PATIENCE_MS }), async (tx) => {
        // One replica at a time, so that none sets the streams to what it read before another one did.
        await sql`select pg_advisory_xact_lock(hashtextextended('wanted_events', 0))`.execute(tx.sql);
        const wanted = await read(tx.sql);
        kept = undefined;
        await wishes.want(wanted);
        kept = wanted;
        keptUntil = performance.now() + SET_AGAIN_MS;
      });
      told = false;
    } catch (error) {
      // That the database or NATS is away, others tell.
      if (told || isMeshRefusal(error, MeshReason.DEPENDENCY_UNAVAILABLE)) return;
      log.warn({ err: error }, "which events webhooks want cannot be settled yet");
      told = true;
    }
  }

  async function keepLooking(): Promise<void> {
    while (!stopping.signal.aborted) {
      await look();
      await pause(kept === undefined ? UNSETTLED_MS : LOOK_MS, stopping.signal);
    }
  }

  const done = keepLooking();
  return {
    wishes,
    look,
    async stop() {
      stopping.abort();
      await done;
    },
  };
}

async function read(from: NotificationDatabase["sql"]): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ event: string }>`
    select distinct unnest(events) as event from webhook_endpoint where enabled`.execute(from);
  return new Set(rows.map(({ event }) => event));
}

function isSame(some: ReadonlySet<string>, others: ReadonlySet<string> | undefined): boolean {
  return others?.size === some.size && some.isSubsetOf(others);
}
