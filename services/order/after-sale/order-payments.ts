import { uuidv7 } from "uuidv7";
import type { StoredOrder } from "../order-parts.ts";
import type { StoredPayment } from "./after-sale.ts";

/** An amount of a payment that is taken or given back, under an id of its own; in minor units. */
export type Share = {
  readonly paymentId: string;
  readonly movementId: string;
  readonly amount: bigint;
  /** How much of that the provider refused to give back before, for it was the rest of an exchange; nothing when left out. */
  readonly rest?: bigint;
};

/** What is taken of a payment of an order; what was exchanged for goods is taken already. */
export type Taking = Share & {
  readonly exchanged: boolean;
  /** The refund with which it goes back should nothing be sent. */
  readonly refundId: string;
};

/** What is left of a payment of an order and set free; what was exchanged for goods is given back. */
export type Freeing = Share & { readonly exchanged: boolean };

/** What an order has to pay with: all but what was taken, in minor units. */
export function leftToTake({ payments }: Pick<StoredOrder, "payments">): bigint {
  return payments.reduce((sum, payment) => sum + openOf(payment), 0n);
}

function openOf({ amount, captured }: StoredPayment): bigint {
  return BigInt(amount) - BigInt(captured);
}

/** What the provider refused to give back of an exchange, in minor units: it waits to be given another way. */
export function refusedRest({ payments }: Pick<StoredOrder, "payments">): bigint {
  return payments.reduce((sum, payment) => sum + restOf(payment), 0n);
}

function restOf(payment: StoredPayment): bigint {
  return payment.restRefused === true ? openOf(payment) : 0n;
}

/**
 * Spreads what is to be taken over the payments of an order, the first one first.
 *
 * @param order the order, locked
 * @param amount in minor units
 * @param captureId of what is taken of the first one
 */
export function planTaking(order: StoredOrder, amount: bigint, captureId: string): Taking[] {
  const shares = spread(order, amount, openOf);
  const takings = order.payments.map(({ paymentId, exchanged }, index) => {
    return { paymentId, exchanged, amount: shares[index] ?? 0n, refundId: uuidv7() };
  });
  return named(takings, captureId);
}

/**
 * Spreads what is to be given back over the payments of an order, the first one first; those last of which the provider
 * refused that before, so that it does not keep the others from going back.
 *
 * @param order the order, locked
 * @param amount in minor units; no more than is left of what was taken, and the rest
 * @param refundId of what is given back of the first one
 * @param rest how much of the amount is the rest of an exchange
 */
export function planGivingBack(order: StoredOrder, amount: bigint, refundId: string, rest = 0n): Share[] {
  const leftOf = ({ captured, refunded }: StoredPayment) => BigInt(captured) - BigInt(refunded);
  const failed = order.refunds.filter((it) => it.state === "FAILED" && !it.to_store_credit);
  const refused = new Set(failed.map(({ shares: [first] }) => first?.paymentId));
  const payments = order.payments.toSorted(
    (a, b) => Number(refused.has(a.paymentId)) - Number(refused.has(b.paymentId)),
  );
  const taken = spread({ ...order, payments }, amount - rest, leftOf);
  const rests = spread({ ...order, payments }, rest, restOf);
  const shares = payments.map(({ paymentId }, index) => {
    const ofRest = rests[index] ?? 0n;
    return { paymentId, amount: (taken[index] ?? 0n) + ofRest, rest: ofRest };
  });
  return named(shares, refundId);
}

/** Those by which something moves, each under an id: the first one's is known. */
function named<S extends Omit<Share, "movementId">>(shares: readonly S[], firstId: string) {
  return shares
    .filter(({ amount }) => amount > 0n)
    .map((share, index) => ({ ...share, movementId: index === 0 ? firstId : uuidv7() }));
}

/**
 * What is left of the payments of an order once something is taken: first what is only set aside, for only that may
 * turn out to be taken. What goods pay that are not back is no money to give back.
 *
 * @param order the order, locked
 * @param takings what is taken of it
 * @param isBack whether the goods are back that the order replaces, where it does
 */
export function planFreeing(order: StoredOrder, takings: readonly Taking[], isBack: boolean): Freeing[] {
  return withCaptured(order, takings)
    .map((payment) => ({ ...payment, amount: openOf(payment), movementId: uuidv7() }))
    .filter(({ amount, exchanged }) => amount > 0n && (isBack || !exchanged))
    .map(({ paymentId, movementId, amount, exchanged }) => ({ paymentId, movementId, amount, exchanged }))
    .sort((a, b) => Number(a.exchanged) - Number(b.exchanged));
}

function spread(
  { id, payments }: StoredOrder,
  amount: bigint,
  roomIn: (payment: StoredPayment) => bigint,
): bigint[] {
  let left = amount;
  const shares = payments.map((payment) => {
    const room = roomIn(payment);
    const share = room < left ? room : left;
    left -= share;
    return share;
  });
  if (left > 0n) throw new Error(`order ${id} has ${left} less in its payments than ${amount}`);
  return shares;
}

/**
 * The payments of an order once something is taken of them.
 *
 * @param order the order
 * @param takings what is taken
 */
export function withCaptured({ payments }: Pick<StoredOrder, "payments">, takings: readonly Taking[]) {
  return payments.map((payment): StoredPayment => {
    const { amount = 0n } = shareOf(takings, payment) ?? {};
    return { ...payment, captured: String(BigInt(payment.captured) + amount) };
  });
}

/**
 * The payments of an order once something of what was taken, or is the rest of an exchange, is given back or is being.
 *
 * @param order the order
 * @param shares what is given back
 */
export function withRefunded(
  { payments }: Pick<StoredOrder, "payments">,
  shares: readonly Pick<Share, "paymentId" | "amount" | "rest">[],
) {
  return payments.map((payment): StoredPayment => {
    const { amount = 0n, rest = 0n } = shareOf(shares, payment) ?? {};
    return {
      ...payment,
      amount: String(BigInt(payment.amount) - rest),
      refunded: String(BigInt(payment.refunded) + amount - rest),
    };
  });
}

/**
 * The payments of an order once what is left of some is free, or could not be given back; those of which nothing is
 * the order's are none any more.
 *
 * @param order the order
 * @param freeings what was to be set free
 * @param kept payments of which that could not be
 */
export function withoutRest(
  { payments }: Pick<StoredOrder, "payments">,
  freeings: readonly Freeing[],
  kept: readonly string[] = [],
) {
  return payments
    .map((payment): StoredPayment => {
      if (shareOf(freeings, payment) === undefined) return payment;
      if (kept.includes(payment.paymentId)) return { ...payment, restRefused: true };
      return { ...payment, amount: payment.captured };
    })
    .filter(({ amount }) => BigInt(amount) > 0n);
}

/** No order has a payment twice. */
function shareOf<S extends { readonly paymentId: string }>(
  shares: readonly S[],
  { paymentId }: StoredPayment,
): S | undefined {
  return shares.find((it) => it.paymentId === paymentId);
}
