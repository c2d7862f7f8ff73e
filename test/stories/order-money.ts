import type { Order } from "./model.ts";
import { capture, free, type Payment, refund } from "./payment-model.ts";

/** A payment of an order, or the part of one that is the order's; in cents. */
export interface OrderPayment {
  readonly payment: Payment;
  amount: bigint;
  captured: bigint;
  /** What was given back, or is kept for an exchange. */
  refunded: bigint;
  /** Whether it was taken for goods that the order replaces. */
  readonly exchanged: boolean;
  /** Whether the provider refused to give back what of it the order does not need. */
  restRefused?: boolean;
  /** Whether the provider refused to give anything of it back when it came first. */
  wasRefused?: boolean;
}

/** A payment that is an order's alone. */
export function ownPayment(payment: Payment): OrderPayment {
  return { payment, amount: payment.amount, captured: 0n, refunded: 0n, exchanged: false };
}

/** Whether an order replaces goods that are not back. */
export function isReplacing({ waitsFor }: Order): boolean {
  return waitsFor?.exchange !== undefined;
}

/** What was taken of an order, in cents. */
export function capturedOf({ payments }: Order): bigint {
  return payments.reduce((sum, { captured }) => sum + captured, 0n);
}

/** What the provider refused to give back of an exchange, in cents. */
export function refusedRest({ payments }: Order): bigint {
  return payments.reduce((sum, payment) => sum + restOf(payment), 0n);
}

function restOf({ restRefused = false, amount, captured }: OrderPayment): bigint {
  return restRefused ? amount - captured : 0n;
}

/** What of what was taken can be given back, in cents. */
export function leftToRefund(order: Order): bigint {
  return capturedOf(order) - order.refunded - order.refunding;
}

/** What an order has to pay with, in cents. */
export function leftToTake({ payments }: Order): bigint {
  return payments.reduce((sum, { amount, captured }) => sum + amount - captured, 0n);
}

/** Takes money of an order, in the model: of the first payment first. */
export function take({ payments }: Order, amount: bigint): void {
  for (const [it, share] of spread(payments, amount, (each) => each.amount - each.captured)) {
    it.captured += share;
    if (!it.exchanged) capture(it.payment, share);
  }
}

/** Keeps money of an order for an exchange, in the model: of the payments in turn. */
export function keep({ payments }: Order, amount: bigint): { from: OrderPayment; amount: bigint }[] {
  const left = ({ captured, refunded }: OrderPayment) => captured - refunded;
  return spread(inTurn(payments), amount, left).map(([from, share]) => {
    from.refunded += share;
    return { from, amount: share };
  });
}

/** The order in which payments go back: those last that were refused. */
function inTurn(payments: readonly OrderPayment[]): OrderPayment[] {
  return [...payments.filter((it) => !it.wasRefused), ...payments.filter((it) => it.wasRefused)];
}

/** What is given back. */
export interface GivingBack {
  /** In cents, the rest of an exchange included. */
  readonly amount: bigint;
  readonly rest?: bigint;
  readonly toStoreCredit?: boolean;
}

/**
 * Gives money of an order back, in the model: of the payments in turn, until the provider refuses one.
 *
 * @returns how much went, and how much of that was no rest of an exchange
 */
export function giveBackOf({ payments }: Order, { amount, rest = 0n, toStoreCredit = false }: GivingBack) {
  const all = inTurn(payments);
  const taken = new Map(spread(all, amount - rest, ({ captured, refunded }) => captured - refunded));
  const rests = new Map(spread(all, rest, restOf));
  const given = { all: 0n, taken: 0n };
  for (const it of all) {
    const [ofTaken, ofRest] = [taken.get(it) ?? 0n, rests.get(it) ?? 0n];
    if (ofTaken + ofRest === 0n) continue;
    if (!refund(it.payment, ofTaken + ofRest, toStoreCredit)) {
      // Where nothing goes back at all, the refund failed for it.
      if (given.all === 0n) it.wasRefused = true;
      break;
    }
    it.refunded += ofTaken;
    it.amount -= ofRest;
    given.all += ofTaken + ofRest;
    given.taken += ofTaken;
  }
  return given;
}

/**
 * Sets free what is left of the payments of an order of which all is sent or cancelled, in the model. What goods pay
 * that it replaces is given back once they are back.
 */
export function setFree(order: Order): void {
  for (const it of order.payments) {
    if (it.exchanged && isReplacing(order)) continue;
    const rest = it.amount - it.captured;
    if (!it.exchanged) free(it.payment);
    else if (rest > 0n && !refund(it.payment, rest)) {
      it.restRefused = true;
      continue;
    }
    it.amount = it.captured;
  }
  order.payments = order.payments.filter(({ amount }) => amount > 0n);
}

function spread(
  payments: readonly OrderPayment[],
  amount: bigint,
  roomIn: (payment: OrderPayment) => bigint,
): (readonly [OrderPayment, bigint])[] {
  let left = amount;
  return payments.flatMap((payment) => {
    const room = roomIn(payment);
    const share = room < left ? room : left;
    left -= share;
    return share > 0n ? [[payment, share] as const] : [];
  });
}
