import { sql } from "kysely";
import { decodePageToken, encodePageToken, NUMBER, UUID } from "#kit/data/page-token.ts";
import { plannedEachTime } from "#kit/data/planned-each-time.ts";
import type { PaymentDatabase } from "./database.ts";
import { listMovements, type StoredMovement } from "./movements.ts";
import { listParts, type StoredPart } from "./parts.ts";
import type { StoredPayment } from "./payment.ts";
import { CREATE_MICROSECONDS, placeOf } from "./payment-order.ts";
import type { PaymentStateName } from "./states.ts";

/** A payment with what it is paid with, what was taken and what was given back. */
export interface WholePayment {
  readonly payment: StoredPayment;
  readonly parts: readonly StoredPart[];
  readonly movements: readonly StoredMovement[];
}

/** Before these, nothing was taken. */
const UNTAKEN: ReadonlySet<PaymentStateName> = new Set(["PENDING", "ACTION_REQUIRED", "DECLINED"]);

/**
 * Reads what belongs to payments. Where there can be nothing, nothing is read.
 *
 * @param justAuthorized whether the payments were authorized a moment ago, so that nothing can have been taken
 */
export async function wholePayments(
  db: PaymentDatabase,
  payments: readonly StoredPayment[],
  justAuthorized = false,
): Promise<WholePayment[]> {
  const moved = justAuthorized
    ? payments.filter(({ captured_minor }) => captured_minor > 0n)
    : payments.filter(({ state }) => !UNTAKEN.has(state));
  const [parts, movements] = await Promise.all([
    listParts(db.sql, payments),
    listMovements(
      db.sql,
      moved.map(({ id }) => id),
    ),
  ]);
  return payments.map((payment) => ({
    payment,
    parts: parts.filter(({ payment_id }) => payment_id === payment.id),
    movements: movements.filter(({ payment_id }) => payment_id === payment.id),
  }));
}

/** Which payments are listed. */
export interface PaymentFilter {
  readonly state: PaymentStateName | undefined;
  /** "" for all. */
  readonly accountId: string;
  /** "" for all. */
  readonly providerChargeId: string;
  readonly startTime: Date | undefined;
  readonly endTime: Date | undefined;
  readonly pageSize: number;
  readonly pageToken: string;
}

/**
 * A page of payments, newest first, in a constant number of statements.
 *
 * @throws SoukError PAGE_TOKEN_INVALID
 */
export async function listPayments(
  db: PaymentDatabase,
  { state, accountId, providerChargeId, startTime, endTime, pageSize, pageToken }: PaymentFilter,
): Promise<{ payments: WholePayment[]; nextPageToken: string }> {
  const list = JSON.stringify(["ListPayments", state, accountId, providerChargeId, startTime, endTime]);
  const [time, id] = decodePageToken(list, pageToken, [NUMBER, UUID]);
  const rows = await db.sql
    .selectFrom("payment")
    .modifyFront(plannedEachTime)
    .selectAll()
    .select(CREATE_MICROSECONDS.as("time"))
    // The payments in a state may all be old: only the index on it has the order that is asked for here, which an
    // equation would hide.
    .$if(state !== undefined && accountId !== "", (it) => it.where("state", "=", state as PaymentStateName))
    .$if(state !== undefined && accountId === "", (it) =>
      it
        .where("state", ">=", state as PaymentStateName)
        .where("state", "<=", state as PaymentStateName)
        .orderBy("state", "desc"),
    )
    .$if(accountId !== "", (it) => it.where("account_id", "=", accountId))
    .$if(providerChargeId !== "", (it) => it.where("provider_charge_id", "=", providerChargeId))
    .$if(startTime !== undefined, (it) => it.where("create_time", ">=", startTime as Date))
    .$if(endTime !== undefined, (it) => it.where("create_time", "<", endTime as Date))
    .$if(time !== undefined, (it) =>
      it.where(sql<boolean>`(create_time, id) < ${placeOf(time ?? "", id ?? "")}`),
    )
    .orderBy("create_time", "desc")
    .orderBy("id", "desc")
    .limit(pageSize + 1)
    .execute();
  const page = rows.slice(0, pageSize);
  const last = page.at(-1);
  const nextPageToken =
    rows.length > pageSize && last !== undefined ? encodePageToken(list, [String(last.time), last.id]) : "";
  return { payments: await wholePayments(db, page), nextPageToken };
}
