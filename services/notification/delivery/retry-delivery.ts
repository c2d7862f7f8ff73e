import { sql } from "kysely";
import type { Scope } from "#kit/scope.ts";
import type { NotificationDatabase, NotificationTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { StoredDelivery } from "./delivery-queue.ts";
import { getDelivery, type ShownDelivery } from "./read-deliveries.ts";

/**
 * Makes a delivery that was given up due again, as often as if it were new. One that is on its way or arrived is left
 * as it is.
 *
 * @throws SoukError DELIVERY_NOT_FOUND, or DELIVERY_NOT_RETRYABLE when what it said is not known any more, its user was
 *   deleted, or does not want it
 */
export async function retryDelivery(
  db: NotificationDatabase,
  scope: Scope,
  id: string,
): Promise<ShownDelivery> {
  const changed = await db.write(scope, async (tx) => {
    const found = await tx.sql
      .selectFrom("delivery")
      .selectAll()
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirst();
    if (found === undefined || found.state === "PENDING" || found.state === "DELIVERED") return undefined;
    const why = await whyNot(tx, found);
    if (why !== undefined) {
      throw refuse(ErrorReason.DELIVERY_NOT_RETRYABLE, `delivery ${id} cannot be sent again: ${why}`);
    }
    tx.ring(found.channel);
    return tx.sql
      .updateTable("delivery")
      .set({ state: "PENDING", attempts_before: found.attempts, next_attempt_at: sql<Date>`now()` })
      .where("id", "=", id)
      .returningAll()
      .executeTakeFirstOrThrow();
  });
  return changed ?? (await getDelivery(db, id)).delivery;
}

async function whyNot(
  tx: NotificationTransaction,
  { state, content, user_id }: StoredDelivery,
): Promise<string | undefined> {
  if (state === "SUPPRESSED") return "its user does not want it";
  if (content === null) return "what it said is not known any more";
  if (user_id === null) return undefined;
  const forgotten = await tx.sql
    .selectFrom("forgotten_user")
    .select("user_id")
    .where("user_id", "=", user_id)
    .executeTakeFirst();
  return forgotten && "its user was deleted";
}
