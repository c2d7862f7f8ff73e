import type { Selectable } from "kysely";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import type { Tables } from "#kit/data/tables.ts";
import { money } from "#kit/money.ts";
import type { Scope } from "#kit/scope.ts";
import type { PaymentDatabase, PaymentTransaction } from "./database.ts";
import type { entities } from "./entities.ts";
import { ErrorReason, refuse } from "./errors.ts";
import type { GiftCodes } from "./gift-codes.ts";
import type { AskProvider } from "./provider/ask-provider.ts";
import type { PaymentProvider } from "./provider/provider.ts";

/** A payment as it is stored. */
export type StoredPayment = Selectable<Tables<typeof entities>["payment"]>;

/** What the use cases of payment work with. */
export interface Payments {
  readonly db: PaymentDatabase;
  readonly provider: PaymentProvider;
  readonly ask: AskProvider;
  readonly giftCodes: GiftCodes;
  /** When to look for a charge that is uncertain, in ms from then. */
  readonly reconcileAfterMs: number;
}

/** The payment with an id, if there is one. */
export function findPayment(db: PaymentDatabase, id: string): Promise<StoredPayment | undefined> {
  return db.sql.selectFrom("payment").selectAll().where("id", "=", id).executeTakeFirst();
}

/**
 * The payment with an id.
 *
 * @throws SoukError PAYMENT_NOT_FOUND
 */
export async function getPayment(db: PaymentDatabase, id: string): Promise<StoredPayment> {
  return (await findPayment(db, id)) ?? notFound(id);
}

/**
 * The payment with an id, which nobody else changes until the transaction ends.
 *
 * @throws SoukError PAYMENT_NOT_FOUND
 */
export async function lockPayment(tx: PaymentTransaction, id: string): Promise<StoredPayment> {
  const payment = await tx.sql
    .selectFrom("payment")
    .selectAll()
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirst();
  return payment ?? notFound(id);
}

/** What a payment is about; undefined where it was given up before it was asked for. */
export function amountOf({ amount_minor, currency }: StoredPayment): Money | undefined {
  return amount_minor === null || currency === null ? undefined : money(amount_minor, currency);
}

/** What gift cards and store credit pay of a payment, in minor units. */
export function meansOf({ amount_minor, card_minor }: StoredPayment): bigint {
  return (amount_minor ?? 0n) - card_minor;
}

/**
 * The same work for a deed that is none yet: what is stored before the provider is asked is not recorded as a
 * change of its own.
 */
export function unrecorded(scope: Scope): Scope {
  return Object.create(scope, { audit: { value: undefined } });
}

/**
 * The refusal of what the state of a payment does not allow.
 *
 * @param wanted what was asked for, for example "captured"
 */
export function stateConflict({ id, state }: StoredPayment, wanted: string) {
  const reason = state === "EXPIRED" ? ErrorReason.AUTHORIZATION_EXPIRED : ErrorReason.PAYMENT_STATE_CONFLICT;
  return refuse(reason, `payment ${id} is ${state} and cannot be ${wanted}`, {
    metadata: { payment_id: id, state },
  });
}

/** The refusal of a payment that the provider declined. */
export function declined({ id, decline_reason }: Pick<StoredPayment, "id" | "decline_reason">) {
  return refuse(
    ErrorReason.PAYMENT_DECLINED,
    `the payment was declined: ${decline_reason}; use another card`,
    {
      metadata: { payment_id: id, decline_reason: decline_reason ?? "" },
    },
  );
}

function notFound(id: string): never {
  throw refuse(ErrorReason.PAYMENT_NOT_FOUND, `there is no payment ${id}; an order names its payments`);
}
