import { uuidv7 } from "uuidv7";
import type { FinishingPart } from "#kit/data/finish.ts";
import type { AccountCode } from "./accounts.ts";
import type { PaymentTransaction } from "./database.ts";

/** An amount that goes from one account to another, in minor units. Nothing is booked where it is 0. */
export interface Transfer {
  readonly debit: AccountCode;
  readonly credit: AccountCode;
  readonly minor: bigint;
  /** The gift card, or the account of the customer, whose balance it changes. */
  readonly holder?: string;
}

/** What moved money. */
export interface Entry {
  /** The payment; undefined where it is about none. */
  readonly paymentId?: string;
  /** The payment, capture, refund, gift card or customer that it books. */
  readonly referenceId: string;
  readonly description: string;
  readonly currency: string;
  readonly transfers: readonly Transfer[];
}

/**
 * Books an entry with the change it tells of: it leaves in the statement that ends the transaction.
 *
 * @param tx the transaction of the change
 * @param entry what moved money
 */
export function book(tx: Pick<PaymentTransaction, "finishWith">, entry: Entry): void {
  const { referenceId, paymentId = null, description, currency } = entry;
  const transfers = entry.transfers.filter(({ minor }) => minor !== 0n);
  if (transfers.length === 0) return;
  const entryId = uuidv7();
  tx.finishWith((value) => {
    const common = [value(paymentId), value(referenceId), value(description)].join(", ");
    const rows = transfers.map(({ debit, credit, minor, holder = null }, index) => {
      const own = [debit, credit, minor, currency, holder].map(value).join(", ");
      return `(${value(entryId)}, ${value(index + 1)}, ${common}, ${own})`;
    });
    return `insert into ledger_transfer (${COLUMNS}) values ${rows.join(", ")}`;
  });
}

/**
 * Books what the card of a payment sets aside, where a statement authorized it.
 *
 * @param authorized the name of the part that returns the payments it authorized
 */
export function bookAuthorization(authorized: string): FinishingPart {
  return (value) => `insert into ledger_transfer (${COLUMNS})
    select ${value(uuidv7())}::uuid, 1, id, id, 'authorized', 'provider-authorized', 'authorizations', card_minor,
           currency, null::uuid from ${authorized}`;
}

const COLUMNS =
  "entry_id, position, payment_id, reference_id, description, debit_account, credit_account, amount_minor, currency, holder_id";
