/** A payment without an order, so that money can be taken and given back in any way the contract allows. */
export interface Payment {
  /** That of its order, where it has one; "" until that is known. */
  id: string;
  readonly amount: bigint;
  readonly currency: string;
  readonly declined: boolean;
  /** Whether what was taken cannot be given back: the provider refuses it. */
  readonly refundsFail: boolean;
  /** What is set aside and neither taken nor free again. */
  open: bigint;
  captured: bigint;
  refunded: bigint;
  /** What was taken and given back, so that it can come again. */
  readonly movements: Movement[];
}

/** Money that was taken or given back under an id. */
export interface Movement {
  readonly id: string;
  readonly kind: "capture" | "refund";
  readonly amount: bigint;
}

/** A payment that was just asked for. */
export function newPayment({
  id = "",
  amount,
  currency,
  declined,
  refundsFail = false,
}: Pick<Payment, "amount" | "currency" | "declined"> &
  Partial<Pick<Payment, "id" | "refundsFail">>): Payment {
  const open = declined ? 0n : amount;
  return { id, amount, currency, declined, refundsFail, open, captured: 0n, refunded: 0n, movements: [] };
}

/** The state of a payment, as the contract names it. */
export function stateOf({ declined, open, captured, refunded }: Payment) {
  if (declined) return "DECLINED";
  if (open > 0n) return captured > 0n ? "PARTIALLY_CAPTURED" : "AUTHORIZED";
  if (captured === 0n) return "VOIDED";
  if (refunded === 0n) return "CAPTURED";
  return refunded < captured ? "PARTIALLY_REFUNDED" : "REFUNDED";
}

/** What the provider says of the charge. */
export function chargeOf(payment: Payment): string {
  const state = stateOf(payment);
  return state.startsWith("PARTIALLY_REF") || state === "REFUNDED" ? "captured" : state.toLowerCase();
}

/** What the books should say of a payment, by account: debits positive; accounts with nothing are left out. */
export function booksOf(payments: readonly Payment[]): Record<string, bigint> {
  const books: Record<string, bigint> = {};
  const add = (account: string, minor: bigint) => {
    books[account] = (books[account] ?? 0n) + minor;
  };
  for (const { currency, open, captured, refunded } of payments) {
    add(`provider-authorized ${currency}`, open);
    add(`authorizations ${currency}`, -open);
    add(`provider-clearing ${currency}`, captured - refunded);
    add(`sales ${currency}`, -captured);
    add(`sales-refunded ${currency}`, refunded);
  }
  return Object.fromEntries(Object.entries(books).filter(([, minor]) => minor !== 0n));
}
