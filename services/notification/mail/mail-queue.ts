import { type Selectable, sql, type UpdateObject } from "kysely";
import type { Tables } from "#kit/data/tables.ts";
import type { NotificationDatabase } from "../database.ts";
import type { entities } from "../entities.ts";

/** A mail as it is stored. */
export type StoredMail = Selectable<Tables<typeof entities>["mail"]>;

/**
 * Takes mails that are due, so that no other replica sends them meanwhile: each is ours until the
 * lease ends, and counts as tried from now on, so that one that ends the process is given up, too.
 *
 * @param limit how many at most
 * @param leaseMs how long sending them may take, in ms
 */
export async function takeDueMails(
  db: NotificationDatabase,
  limit: number,
  leaseMs: number,
): Promise<StoredMail[]> {
  const { rows } = await sql<StoredMail>`
    update mail
       set attempts = attempts + 1, next_attempt_at = ${fromNow(leaseMs)}
     where id = any (array(
       select id from mail
        where state = 'queued' and next_attempt_at <= now()
        order by next_attempt_at limit ${limit} for update skip locked))
    returning *`.execute(db.sql);
  return rows;
}

/** Notes that a mail was sent, and forgets what it said: some say what is worth money, as the code of a gift card. */
export function markSent(db: NotificationDatabase, mail: StoredMail): Promise<void> {
  const done = { state: "sent", sent_time: sql<Date>`now()`, last_error: null } as const;
  return change(db, mail, { ...done, text: "", html: "" });
}

/** Has a mail tried again in `delayMs`. */
export function tryLater(
  db: NotificationDatabase,
  mail: StoredMail,
  delayMs: number,
  error: string,
): Promise<void> {
  return change(db, mail, { next_attempt_at: fromNow(delayMs), last_error: error });
}

/** Gives a mail up. */
export function giveUp(db: NotificationDatabase, mail: StoredMail, error: string): Promise<void> {
  return change(db, mail, { state: "failed", last_error: error });
}

/** Puts a mail back as it was: the attempt was none. */
export function putBack(db: NotificationDatabase, mail: StoredMail): Promise<void> {
  return change(db, mail, { attempts: mail.attempts - 1, next_attempt_at: sql<Date>`now()` });
}

/** Whoever comes after the lease has ended finds the mail at another attempt and changes nothing. */
async function change(
  db: NotificationDatabase,
  { id, attempts }: StoredMail,
  values: UpdateObject<Tables<typeof entities>, "mail">,
): Promise<void> {
  await db.sql
    .updateTable("mail")
    .set(values)
    .where("id", "=", id)
    .where("state", "=", "queued")
    .where("attempts", "=", attempts)
    .execute();
}

function fromNow(ms: number) {
  return sql<Date>`now() + ${ms} * interval '1 millisecond'`;
}
