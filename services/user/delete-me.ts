import { sql } from "kysely";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { StoreCreditService } from "#gen/souk/payment/v1/store_credit_pb.ts";
import { UserDeletedSchema } from "#gen/souk/user/v1/events_pb.ts";
import type { User } from "#kit/principal.ts";
import type { Scope } from "#kit/scope.ts";
import { lockBook } from "./addresses.ts";
import type { UserDatabase } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { pending } from "./profiles.ts";

/** What somebody says who asks to be deleted. */
export interface Farewell {
  /** The address of the account, typed again. */
  readonly confirmEmail: string;
  /** Whether store credit that is left is given up. */
  readonly forfeitStoreCredit: boolean;
}

/**
 * Deletes a user: erases what is kept here and tells the others, who erase what they keep, in one transaction. One who
 * was deleted before is no error.
 *
 * What is open is asked for before, so an order that is placed in the same moment goes on; order erases it when it ends.
 *
 * @throws SoukError EMAIL_NOT_CONFIRMED, ACCOUNT_OF_STAFF, ORDERS_OPEN, STORE_CREDIT_LEFT or PROFILE_PENDING
 */
export async function deleteMe(
  db: UserDatabase,
  scope: Scope,
  user: User,
  { confirmEmail, forfeitStoreCredit }: Farewell,
): Promise<void> {
  const profile = await db.sql
    .selectFrom("profile")
    .select(["email", "delete_time"])
    .where("id", "=", user.id)
    .executeTakeFirst();
  if (profile === undefined) throw pending();
  if (profile.delete_time !== null) return;
  requireAddress(profile.email, confirmEmail);
  requireNoStaff(user);
  await Promise.all([
    requireNoOpenOrders(scope, user.id),
    forfeitStoreCredit ? undefined : requireNoStoreCredit(scope),
  ]);

  await db.write(scope, async (tx) => {
    await lockBook(tx, user.id);
    const { numUpdatedRows } = await tx.sql
      .updateTable("profile")
      .set({
        email: "",
        first_name: "",
        last_name: "",
        locale: "",
        customer_groups: [],
        vat_id: "",
        staff_note: "",
        delete_time: sql<Date>`now()`,
        version: sql<number>`version + 1`,
      })
      .where("id", "=", user.id)
      .where("delete_time", "is", null)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows !== 1n) return;
    await tx.sql.deleteFrom("saved_address").where("user_id", "=", user.id).execute();
    tx.emit(UserDeletedSchema, {
      userId: user.id,
      email: profile.email,
      forfeitsStoreCredit: forfeitStoreCredit,
    });
  });
}

function requireAddress(email: string, typed: string): void {
  if (email.toLowerCase() === typed.toLowerCase()) return;
  const description = "is not the e-mail address of the account; type that one";
  throw refuse(ErrorReason.EMAIL_NOT_CONFIRMED, `confirm_email ${description}`, {
    violations: [{ field: "confirm_email", description }],
  });
}

/** What somebody did for the shop stays theirs to answer for, and the last administrator cannot leave unseen. */
function requireNoStaff({ permissions }: User): void {
  if (permissions.size === 0) return;
  throw refuse(
    ErrorReason.ACCOUNT_OF_STAFF,
    "the account holds permissions of staff; have an administrator take its roles first",
  );
}

async function requireNoOpenOrders(scope: Scope, customerId: string): Promise<void> {
  const { count, newestNumber } = await scope.mesh(OrderService).countOpenOrders({ customerId });
  if (count === 0n) return;
  throw refuse(
    ErrorReason.ORDERS_OPEN,
    `${count} of your orders are still open, the newest is ${newestNumber}; wait until they end, or cancel them`,
    { metadata: { count: String(count), newest_number: newestNumber } },
  );
}

async function requireNoStoreCredit(scope: Scope): Promise<void> {
  const { balances } = await scope.mesh(StoreCreditService).getMyStoreCredit({});
  const left = balances.filter(({ minor }) => minor > 0n);
  if (left.length === 0) return;
  const amounts = left.map(({ minor, currency }) => `${minor} ${currency}`).join(", ");
  const description = "is not set, and store credit is left; spend it, or set this to give it up";
  throw refuse(ErrorReason.STORE_CREDIT_LEFT, `${amounts} of store credit are left, in minor units`, {
    metadata: Object.fromEntries(left.map(({ minor, currency }) => [currency, String(minor)])),
    violations: [{ field: "forfeit_store_credit", description }],
  });
}
