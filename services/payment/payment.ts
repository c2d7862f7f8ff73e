import type { Selectable } from "kysely";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import type { Tables } from "#kit/data/tables.ts";
import { money } from "#kit/money.ts";
import type { PaymentDatabase } from "./database.ts";
import type { entities } from "./entities.ts";
import { ErrorReason, refuse } from "./errors.ts";
import type { AskProvider } from "./provider/ask-provider.ts";

/** A payment as it is stored. */
export type StoredPayment = Selectable<Tables<typeof entities>["payment"]>;

/** What the use cases of payment work with. */
export interface Payments {
  readonly db: PaymentDatabase;
  readonly ask: AskProvider;
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
  const payment = await findPayment(db, id);
  if (payment !== undefined) return payment;
  throw refuse(ErrorReason.PAYMENT_NOT_FOUND, `there is no payment ${id}; it has the id of its order`);
}

/** What a payment is about; undefined where it was given up before it was asked for. */
export function amountOf({ amount_minor, currency }: StoredPayment): Money | undefined {
  return amount_minor === null || currency === null ? undefined : money(amount_minor, currency);
}

/**
 * The refusal of what the state of a payment does not allow.
 *
 * @param wanted what was asked for, for example "captured"
 */
export function stateConflict({ id, state }: StoredPayment, wanted: string) {
  return refuse(ErrorReason.PAYMENT_STATE_CONFLICT, `payment ${id} is ${state} and cannot be ${wanted}`, {
    metadata: { payment_id: id, state },
  });
}
