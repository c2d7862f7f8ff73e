import { sql } from "kysely";
import type { Changes } from "#kit/data/changes.ts";
import type { Scope } from "#kit/scope.ts";
import type { NotificationDatabase } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import type { StoredNotification } from "./notifications.ts";

/** A notification as it is told to who watches. */
export interface ToldNotification extends StoredNotification {
  /** How many its user has not read. */
  readonly unread: bigint;
}

/** The net under the changes that are told, in ms. */
const POLL_MS = 10_000;
/** How many are read at a time by who comes back after a long break. */
const AT_ONCE = 100;

/**
 * Tells each new notification of a user in the order in which they appeared, until nobody listens any more.
 *
 * @param db notification's database
 * @param changes tells when to look again
 * @param scope the call
 * @param userId the user
 * @param afterId the notification that the caller has seen last, to be told those since then first; "" for none
 * @throws SoukError NOTIFICATION_NOT_FOUND
 */
export async function* watchNotifications(
  db: NotificationDatabase,
  changes: Changes,
  scope: Scope,
  userId: string,
  afterId: string,
): AsyncGenerator<ToldNotification> {
  // Before the first look, so that no change falls between the two.
  const watch = changes.watch(userId);
  try {
    let last = afterId === "" ? await newestOf(db, userId) : await requireOwn(db, userId, afterId);
    while (!scope.signal.aborted) {
      const news = await listSince(db, userId, last);
      yield* news;
      last = news.at(-1) ?? last;
      if (news.length < AT_ONCE) await watch.next(POLL_MS, scope.signal);
    }
  } finally {
    watch.close();
  }
}

/** Where a notification stands among those of its user. */
type Place = Pick<StoredNotification, "turn" | "id">;

function newestOf(db: NotificationDatabase, userId: string): Promise<Place | undefined> {
  return db.sql
    .selectFrom("notification")
    .select(["turn", "id"])
    .where("user_id", "=", userId)
    .orderBy("turn", "desc")
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
}

async function requireOwn(db: NotificationDatabase, userId: string, id: string): Promise<Place> {
  const own = await db.sql
    .selectFrom("notification")
    .select(["turn", "id"])
    .where("id", "=", id)
    .where("user_id", "=", userId)
    .executeTakeFirst();
  if (own !== undefined) return own;
  const description =
    "names no notification of yours; list them and send the id of the first, or leave it out";
  throw refuse(ErrorReason.NOTIFICATION_NOT_FOUND, `after_id: ${description}`, {
    violations: [{ field: "after_id", description }],
  });
}

/** @param last the one told last; undefined where there was none */
function listSince(
  db: NotificationDatabase,
  userId: string,
  last: Place | undefined,
): Promise<ToldNotification[]> {
  const unread = sql<bigint>`(select count(*) from notification where user_id = ${userId} and read_time is null)`;
  return db.sql
    .selectFrom("notification")
    .selectAll()
    .select(unread.as("unread"))
    .where("user_id", "=", userId)
    .$if(last !== undefined, (query) => query.where(sql<boolean>`(turn, id) > (${last?.turn}, ${last?.id})`))
    .orderBy("turn")
    .orderBy("id")
    .limit(AT_ONCE)
    .execute();
}
