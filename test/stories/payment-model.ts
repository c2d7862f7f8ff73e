/** A payment: that of an order, or one without, so that money can be taken and given back in any way there is. */
export interface Payment {
  /** That of its order, where it has one; "" until that is known. */
  id: string;
  readonly amount: bigint;
  readonly currency: string;
  declined: boolean;
  /** Whether what was taken cannot be given back: the provider refuses it. */
  readonly refundsFail: boolean;
  /** Whose store credit it can become; undefined for a guest. */
  readonly account: Balance | undefined;
  /** What pays, in that order; the card comes last. */
  readonly parts: readonly Part[];
  /** Whether nobody took the money in time. */
  isExpired: boolean;
  /** What was taken and given back, so that it can come again. */
  readonly movements: Movement[];
}

/** What pays some of a payment. */
export interface Part {
  /** Undefined for the card. */
  readonly balance: Balance | undefined;
  readonly amount: bigint;
  /** What is set aside and neither taken nor free again. */
  open: bigint;
  captured: bigint;
  refunded: bigint;
  /** What of that went back to where it came from. */
  returned: bigint;
}

/** What is left on a gift card, or of somebody's store credit, in cents. */
export interface Balance {
  /** The gift card, or the account. */
  readonly id: string;
  readonly kind: "gift card" | "store credit";
  readonly currency: string;
  /** Of a gift card. */
  readonly code: string;
  /** What staff gave. */
  granted: bigint;
  minor: bigint;
  isDisabled: boolean;
}

/** Money that was taken or given back under an id. */
export interface Movement {
  readonly id: string;
  readonly kind: "capture" | "refund" | "refund to store credit";
  readonly amount: bigint;
}

/** What is asked for with a payment. */
export interface NewPayment
  extends Pick<Payment, "amount" | "currency" | "declined">,
    Partial<Pick<Payment, "id" | "refundsFail" | "account">> {
  /** What pays before the card does. */
  readonly means?: readonly Means[];
}

/** How much a balance pays. */
export interface Means {
  readonly balance: Balance;
  readonly minor: bigint;
}

/** A payment that was just asked for, with means that can pay it. */
export function newPayment({ means = [], ...payment }: NewPayment): Payment {
  const { amount, declined } = payment;
  const part = (balance: Balance | undefined, minor: bigint): Part => {
    return { balance, amount: minor, open: minor, captured: 0n, refunded: 0n, returned: 0n };
  };
  const others = means.map(({ balance, minor }) => part(balance, minor));
  const card = amount - others.reduce((all, each) => all + each.amount, 0n);
  const parts = card > 0n ? [...others, part(undefined, card)] : others;
  for (const { balance, minor } of means) balance.minor -= minor;
  const usual = { id: "", refundsFail: false, account: undefined, isExpired: false, movements: [] };
  const made = { ...usual, ...payment, parts };
  if (declined) free(made);
  return made;
}

/** What is set aside, was taken and was given back, in cents. */
export function moneyOf({ parts }: Payment) {
  let [open, captured, refunded] = [0n, 0n, 0n];
  for (const part of parts) {
    open += part.open;
    captured += part.captured;
    refunded += part.refunded;
  }
  return { open, captured, refunded };
}

/** Takes money, in the model. */
export function capture({ parts }: Payment, amount: bigint): void {
  let left = amount;
  for (const part of parts) {
    const minor = part.open < left ? part.open : left;
    part.open -= minor;
    part.captured += minor;
    left -= minor;
  }
}

/**
 * Gives money back, in the model: to the card first, then to what paid last.
 *
 * @param toStoreCredit whether the customer gets store credit instead
 * @returns whether it went; the provider may refuse what is the card's
 */
export function refund(payment: Payment, amount: bigint, toStoreCredit = false): boolean {
  let left = amount;
  const gives: [Part, bigint][] = [];
  for (const part of payment.parts.toReversed()) {
    const room = part.captured - part.refunded;
    const minor = room < left ? room : left;
    gives.push([part, minor]);
    left -= minor;
  }
  const isOfCard = gives.some(([{ balance }, minor]) => balance === undefined && minor > 0n);
  if (payment.refundsFail && isOfCard && !toStoreCredit) return false;
  for (const [part, minor] of gives) {
    part.refunded += minor;
    if (toStoreCredit) continue;
    part.returned += minor;
    if (part.balance !== undefined) part.balance.minor += minor;
  }
  if (toStoreCredit && payment.account !== undefined) payment.account.minor += amount;
  return true;
}

/** Gives up what is still set aside, in the model. */
export function free({ parts }: Pick<Payment, "parts">): void {
  for (const part of parts) {
    if (part.balance !== undefined) part.balance.minor += part.open;
    part.open = 0n;
  }
}

/** The state of a payment, as the contract names it. */
export function stateOf(payment: Payment) {
  const { open, captured, refunded } = moneyOf(payment);
  if (payment.declined) return "DECLINED";
  if (open > 0n) return captured > 0n ? "PARTIALLY_CAPTURED" : "AUTHORIZED";
  if (captured === 0n) return payment.isExpired ? "EXPIRED" : "VOIDED";
  if (refunded === 0n) return "CAPTURED";
  return refunded < captured ? "PARTIALLY_REFUNDED" : "REFUNDED";
}

/** What the provider should say of the card's share; undefined where there is none. */
export function chargeOf({ id, currency, declined, parts }: Payment) {
  const card = parts.find(({ balance }) => balance === undefined);
  if (card === undefined) return undefined;
  const { amount, open, captured, returned } = card;
  const openStatus = captured > 0n ? "partially_captured" : "authorized";
  const status = declined ? "declined" : open > 0n ? openStatus : captured > 0n ? "captured" : "voided";
  return { id, amount, currency, status, captured, refunded: returned };
}

/** What the books should say, by account: debits positive; accounts with nothing are left out. */
export function booksOf(payments: readonly Payment[], balances: readonly Balance[]): Record<string, bigint> {
  const books: Record<string, bigint> = {};
  const add = (account: string, minor: bigint) => {
    books[account] = (books[account] ?? 0n) + minor;
  };
  for (const { currency, parts } of payments) {
    for (const { balance, open, captured, refunded, returned } of parts) {
      add(`sales ${currency}`, -captured);
      add(`sales-refunded ${currency}`, refunded);
      if (balance !== undefined) {
        add(`${ACCOUNTS[balance.kind].held} ${currency}`, -open);
        continue;
      }
      add(`provider-authorized ${currency}`, open);
      add(`authorizations ${currency}`, -open);
      add(`provider-clearing ${currency}`, captured - returned);
    }
  }
  for (const { kind, currency, minor, granted } of balances) {
    add(`${ACCOUNTS[kind].free} ${currency}`, -minor);
    add(`${ACCOUNTS[kind].granted} ${currency}`, granted);
  }
  return Object.fromEntries(Object.entries(books).filter(([, minor]) => minor !== 0n));
}

/** Where balances stand in the books: free, set aside, and what they were given from. */
const ACCOUNTS = {
  "gift card": { free: "gift-cards", held: "gift-cards-held", granted: "gift-cards-issued" },
  "store credit": { free: "store-credit", held: "store-credit-held", granted: "store-credit-granted" },
} as const;
