import { sql, type UpdateObject } from "kysely";
import {
  AuthorizationExpiredSchema,
  PaymentAuthorizedSchema,
  PaymentConfirmedSchema,
  PaymentVoidedSchema,
} from "#gen/souk/payment/v1/events_pb.ts";
import { standing } from "#kit/data/audit.ts";
import type { Tables } from "#kit/data/tables.ts";
import type { Scope } from "#kit/scope.ts";
import type { PaymentTransaction } from "./database.ts";
import type { entities } from "./entities.ts";
import { book, bookAuthorization } from "./ledger.ts";
import { releaseParts } from "./parts.ts";
import {
  amountOf,
  declined,
  getPayment,
  lockPayment,
  meansOf,
  type Payments,
  type StoredPayment,
} from "./payment.ts";
import type { Charge } from "./provider/provider.ts";
import { mayMove, type PaymentStateName, stateOfTaken } from "./states.ts";

/**
 * Records what the provider said of the charge of a payment, with the event that tells of it and its
 * entry in the books. Where the payment has moved on meanwhile, it stays as it is. What was taken or
 * given back is not recorded here.
 *
 * @param payment the payment, in whatever state; what it is about never changes
 * @param charge what the provider said
 * @returns the payment as it is then
 */
export function recordCharge(
  payments: Payments,
  scope: Scope,
  payment: StoredPayment,
  charge: Charge,
): Promise<StoredPayment> {
  switch (charge.status) {
    case "action_required":
      return recordAction(payments, scope, payment, charge);
    case "declined":
      return recordDecline(payments, scope, payment.id, charge);
    case "voided":
      return free(payments, scope, payment.id, { to: "VOIDED", chargeId: charge.id });
    case "authorized":
    case "partially_captured":
    case "captured":
      return recordAuthorization(payments, scope, payment, charge);
  }
}

/**
 * Records that the provider declined, and refuses the call for it.
 *
 * @throws SoukError PAYMENT_DECLINED, unless the payment has moved on meanwhile
 */
export function refuseDeclined(
  payments: Payments,
  scope: Scope,
  payment: StoredPayment,
  charge: Charge,
): Promise<StoredPayment> {
  return recordDecline(payments, scope, payment.id, charge, (it) => standing(declined(it)));
}

/**
 * Records that the money of a payment is set aside.
 *
 * @param charge the provider's charge; undefined where gift cards and store credit pay everything
 * @returns the payment as it is then
 */
export async function recordAuthorization(
  { db }: Payments,
  scope: Scope,
  payment: StoredPayment,
  charge: Charge | undefined,
): Promise<StoredPayment> {
  const { id, state } = payment;
  const amount = amountOf(payment);
  if (mayMove(state, "AUTHORIZED")) {
    const change = db.sql
      .updateTable("payment")
      .set((it) => ({
        state: "AUTHORIZED" as const,
        provider_charge_id: charge?.id ?? null,
        card_open_minor: it.ref("card_minor"),
        action_uri: null,
        expire_time: charge?.expireTime ?? null,
        update_time: sql<Date>`now()`,
        reconcile_time: null,
      }))
      .where("id", "=", id)
      .where("state", "=", state)
      .returningAll()
      .compile();
    const [changed] = await db.change(scope, change, (tx) => {
      if (payment.card_minor > 0n) tx.finishWith(bookAuthorization(tx.change));
      tx.emit(PaymentAuthorizedSchema, { paymentId: id, amount });
      if (state === "ACTION_REQUIRED") tx.emit(PaymentConfirmedSchema, { paymentId: id, authorized: true });
    });
    if (changed !== undefined) return changed;
  }
  const current = await getPayment(db, id);
  const again = current.state !== state && mayMove(current.state, "AUTHORIZED");
  return again ? recordAuthorization({ db } as Payments, scope, current, charge) : current;
}

async function recordAction(
  { db, reconcileAfterMs }: Payments,
  scope: Scope,
  { id }: StoredPayment,
  charge: Charge,
): Promise<StoredPayment> {
  const change = db.sql
    .updateTable("payment")
    .set({
      state: "ACTION_REQUIRED",
      provider_charge_id: charge.id ?? null,
      action_uri: charge.actionUri ?? null,
      expire_time: charge.expireTime ?? fromNow(reconcileAfterMs),
      update_time: sql<Date>`now()`,
      reconcile_time: null,
    })
    .where("id", "=", id)
    .where("state", "=", "PENDING")
    .returningAll()
    .compile();
  const [changed] = await db.change(scope, change);
  return changed ?? (await getPayment(db, id));
}

function recordDecline(
  { db }: Payments,
  scope: Scope,
  id: string,
  charge: Charge,
  refusal?: (payment: StoredPayment) => Error,
): Promise<StoredPayment> {
  return db.write(scope, async (tx) => {
    const payment = await lockPayment(tx, id);
    if (!mayMove(payment.state, "DECLINED")) return payment;
    const reason = charge.declineReason ?? "unknown";
    if (payment.state === "ACTION_REQUIRED") {
      tx.emit(PaymentConfirmedSchema, { paymentId: id, declineReason: reason });
    }
    await release(tx, payment, "declined");
    const changed = await update(tx, id, {
      ...NOTHING_OPEN,
      state: "DECLINED",
      provider_charge_id: charge.id ?? null,
      decline_reason: reason,
      reconcile_time: null,
    });
    if (refusal !== undefined) throw refusal(changed);
    return changed;
  });
}

/** How a payment, or what is left of it, is given up. */
export interface Freeing {
  readonly to: "VOIDED" | "EXPIRED";
  /** The provider's charge, when there is one. */
  readonly chargeId?: string | undefined;
  /** Whether a charge may still turn up at the provider. */
  readonly watchForCharge?: boolean;
}

/**
 * Records that no money is set aside for a payment any more. What was taken of it stays taken.
 *
 * @param id the payment
 * @param freeing how it came to that
 * @returns the payment as it is then: unless it moved on meanwhile, given up or without anything open
 */
export function free(
  { db, reconcileAfterMs }: Payments,
  scope: Scope,
  id: string,
  { to, chargeId, watchForCharge = false }: Freeing,
): Promise<StoredPayment> {
  return db.write(scope, async (tx) => {
    const payment = await lockPayment(tx, id);
    const taken = payment.state === "PARTIALLY_CAPTURED";
    if (!taken && !mayMove(payment.state, to)) return payment;
    // Meanwhile there is a charge, which has to be given back first.
    if (watchForCharge && payment.state !== "PENDING") return payment;
    if (to === "EXPIRED") tx.emit(AuthorizationExpiredSchema, { paymentId: id });
    else if (!taken) tx.emit(PaymentVoidedSchema, { paymentId: id });
    await failCaptures(tx, id);
    await release(tx, payment, to === "VOIDED" ? "voided" : "expired");
    return update(tx, id, {
      ...NOTHING_OPEN,
      state: taken ? stateOfTaken(0n, payment.captured_minor, payment.refunded_minor) : to,
      provider_charge_id: chargeId ?? payment.provider_charge_id,
      reconcile_time: watchForCharge ? fromNow(reconcileAfterMs) : null,
    });
  });
}

const NOTHING_OPEN = { card_open_minor: 0n, action_uri: null, expire_time: null } as const;

async function failCaptures(tx: PaymentTransaction, id: string): Promise<void> {
  await tx.sql
    .updateTable("payment_movement")
    .set({ state: "FAILED", failure_reason: "the money was not set aside any more" })
    .where("payment_id", "=", id)
    .where("kind", "=", "CAPTURE")
    .where("state", "=", "PENDING")
    .execute();
}

async function release(tx: PaymentTransaction, payment: StoredPayment, description: string): Promise<void> {
  const { id, currency, card_open_minor: minor } = payment;
  if (currency === null) return;
  const parts = meansOf(payment) > 0n ? await releaseParts(tx, payment) : [];
  const transfers = [{ debit: "authorizations", credit: "provider-authorized", minor } as const, ...parts];
  book(tx, { paymentId: id, referenceId: id, description, currency, transfers });
}

/**
 * Changes a payment that is locked.
 *
 * @returns the payment as changed
 */
export function update(
  tx: PaymentTransaction,
  id: string,
  change: { readonly state: PaymentStateName } & UpdateObject<Tables<typeof entities>, "payment">,
): Promise<StoredPayment> {
  return tx.sql
    .updateTable("payment")
    .set({ ...change, update_time: sql<Date>`now()` })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** A moment by the database's clock. */
export function fromNow(ms: number) {
  return sql<Date>`now() + ${ms} * interval '1 millisecond'`;
}
