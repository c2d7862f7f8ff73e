import { sql } from "kysely";
import { AccountRolesChangedSchema } from "#gen/souk/auth/v1/events_pb.ts";
import type { UserDeleted } from "#gen/souk/user/v1/events_pb.ts";
import { CUSTOMER } from "./accounts.ts";
import type { AuthTransaction } from "./database.ts";

/** What else tells of an account; refresh tokens and recovery codes go with what they belong to. */
const BELONGINGS = [
  "session",
  "api_key",
  "second_factor",
  "linked_identity",
  "mailed_token",
  "login_challenge",
  "openid_flow",
] as const;

/**
 * Erases the account of a user who was deleted; its e-mail address is free at once. A shell without it stays, by which
 * access tokens that were issued before are refused everywhere. The audit keeps its records: they hold the id alone.
 *
 * @param tx the transaction of the event
 */
export async function eraseAccount({ userId }: UserDeleted, tx: AuthTransaction): Promise<void> {
  // The account comes first: whoever signs in to it at this moment waits for its row, and finds it disabled.
  const erased = await tx.sql
    .updateTable("account")
    .set({
      // No address looks like this one.
      email: `deleted ${userId}`,
      password_hash: null,
      roles: [CUSTOMER],
      email_verify_time: null,
      last_login_time: null,
      disable_time: sql<Date>`coalesce(disable_time, now())`,
      disable_reason: null,
      access_change_time: sql<Date>`now()`,
      delete_time: sql<Date>`now()`,
    })
    .where("id", "=", userId)
    .where("delete_time", "is", null)
    .returning("id")
    .executeTakeFirst();
  if (erased === undefined) return;
  for (const table of BELONGINGS) await tx.sql.deleteFrom(table).where("account_id", "=", userId).execute();
  tx.emit(AccountRolesChangedSchema, { accountId: userId, roles: [CUSTOMER], disabled: true });
}
