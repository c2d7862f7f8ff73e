import { type Selectable, sql, type UpdateObject } from "kysely";
import type { Tables } from "#kit/data/tables.ts";
import type { NotificationDatabase } from "../database.ts";
import type { Attempt, entities } from "../entities.ts";
import type { Channel } from "./channel.ts";

/** A delivery as it is stored. */
export type StoredDelivery = Selectable<Tables<typeof entities>["delivery"]>;

/** How many attempts are kept of a delivery. */
const MOST_LOGGED = 50;

/**
 * Takes deliveries that are due, so that no other replica sends them meanwhile: each is ours until the lease ends, and
 * counts as tried from now on, so that one that ends the process is given up, too.
 *
 * @param channel how they are sent
 * @param limit how many at most
 * @param leaseMs how long sending them may take, in ms
 */
export async function takeDue(
  db: NotificationDatabase,
  channel: Channel,
  limit: number,
  leaseMs: number,
): Promise<StoredDelivery[]> {
  const { rows } = await sql<StoredDelivery>`
    update delivery set attempts = attempts + 1, next_attempt_at = ${fromNow(leaseMs)}
     where id = any (array(${channel.due(limit)})) returning *`.execute(db.sql);
  return rows;
}

/** Notes that it was taken, and forgets what it said: some say what is worth money, as the code of a gift card. */
export function markDelivered(
  db: NotificationDatabase,
  delivery: StoredDelivery,
  attempt: Attempt,
): Promise<void> {
  const done = { state: "DELIVERED", delivery_time: sql<Date>`now()`, last_error: null } as const;
  return change(db, delivery, { ...done, content: null, ...logged(attempt) });
}

/** Has it tried again in `delayMs`. */
export function tryLater(
  db: NotificationDatabase,
  delivery: StoredDelivery,
  delayMs: number,
  attempt: Attempt,
): Promise<void> {
  const later = { next_attempt_at: fromNow(delayMs), last_error: attempt.error };
  return change(db, delivery, { ...later, ...logged(attempt) });
}

/**
 * Gives it up.
 *
 * @param attempt the last attempt; undefined where it did not come to an end
 */
export function giveUp(
  db: NotificationDatabase,
  delivery: StoredDelivery,
  reason: string,
  attempt: Attempt | undefined,
): Promise<void> {
  return change(db, delivery, {
    state: "FAILED",
    last_error: reason,
    ...(attempt === undefined ? { attempts: delivery.attempts - 1 } : logged(attempt)),
  });
}

/** Puts it back as it was, for `delayMs` at least: the attempt was none. */
export function putBack(db: NotificationDatabase, delivery: StoredDelivery, delayMs: number): Promise<void> {
  return change(db, delivery, { attempts: delivery.attempts - 1, next_attempt_at: fromNow(delayMs) });
}

/** Whoever comes after the lease has ended finds the delivery at another attempt and changes nothing. */
async function change(
  db: NotificationDatabase,
  { id, attempts }: StoredDelivery,
  values: UpdateObject<Tables<typeof entities>, "delivery">,
): Promise<void> {
  await db.sql
    .updateTable("delivery")
    .set(values)
    .where("id", "=", id)
    .where("state", "=", "PENDING")
    .where("attempts", "=", attempts)
    .execute();
}

/** The log stands in the row, so that an attempt costs no statement of its own. */
function logged(attempt: Attempt) {
  const newest = JSON.stringify([attempt]);
  const kept = sql.lit(`$[0 to ${MOST_LOGGED - 1}]`);
  return { attempt_log: sql<Attempt[]>`jsonb_path_query_array(${newest}::jsonb || attempt_log, ${kept})` };
}

function fromNow(ms: number) {
  return sql<Date>`now() + ${ms} * interval '1 millisecond'`;
}
