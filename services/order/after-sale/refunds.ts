import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { allocate } from "#kit/money.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { StoredOrder, StoredOrderLine } from "../order-parts.ts";
import { refusedRest } from "./order-payments.ts";
import { type Item, type Pieces, requirePieces, worthOf } from "./pieces.ts";

/** What a refund gives back for a line. */
interface RefundedPieces extends Pieces {
  /** In minor units. */
  readonly amount: bigint;
}

/** What a refund comes to. */
export interface RefundPlan {
  /** In minor units; lines and shipping included. */
  readonly amount: bigint;
  readonly lines: readonly RefundedPieces[];
  /** How much of it is for shipping. */
  readonly shipping: bigint;
  /** How much of it the provider refused to give back before, as the rest of an exchange; nothing when left out. */
  readonly rest?: bigint;
}

/** What is asked to be given back. */
export interface RefundWish {
  /** For which lines; for the order as a whole when empty. */
  readonly items: readonly Item[];
  /** Whether to give back what shipping cost, too. */
  readonly withShipping: boolean;
  /** How much, where that is not what they cost. */
  readonly amount: Money | undefined;
  /** Whether to give back what is left where that is less, and nothing for what cost nothing. */
  readonly isCapped?: boolean;
}

/**
 * Reckons what a refund comes to.
 *
 * @param order the order, locked
 * @param wish what is asked to be given back
 * @throws SoukError LINE_NOT_FOUND, QUANTITY_EXCEEDED, CURRENCY_MISMATCH or REFUND_EXCEEDED
 */
export function planRefund(
  order: StoredOrder,
  { items, withShipping, amount, isCapped = false }: RefundWish,
): RefundPlan {
  requireCurrency(order, amount);
  const left = leftToRefund(order);
  const pieces = items.length === 0 ? [] : requirePieces(order, items, refundable);
  const isWhole = pieces.length === 0 && !withShipping;
  // What the customer waits for longest goes first.
  const rest = isWhole ? refusedRest(order) : 0n;
  const all = left + rest;
  const shipping =
    withShipping && !order.shipping_refunded && order.captured > 0n ? order.shipping_total : 0n;
  const costs = pieces.map((each) => costOf(each));
  const cost = costs.reduce((sum, it) => sum + it, shipping);
  const wished = amount?.minor ?? (isWhole ? all : cost);
  const asked = isCapped && wished > all ? all : wished;
  const least = isCapped ? 0n : 1n;
  if (asked < least || asked > all || (pieces.length > 0 && asked > cost)) {
    throw exceeded(order, asked, pieces.length > 0 && cost < all ? cost : all);
  }
  const forShipping = asked < shipping ? asked : shipping;
  const forLines = divide(asked - forShipping, costs);
  const lines = pieces.map((each, index) => ({ ...each, amount: forLines[index] ?? 0n }));
  return { amount: asked, lines, shipping: forShipping, rest: asked < rest ? asked : rest };
}

/**
 * How many pieces of a line were sent for which no money was given back.
 *
 * @param line the line
 */
export function refundable({ shipped, refunded }: StoredOrderLine): bigint {
  return shipped - refunded;
}

/**
 * How much of what was taken is neither given back nor being so, in minor units.
 *
 * @param order the order
 */
export function leftToRefund({ captured, refunded, refunding }: StoredOrder): bigint {
  return captured - refunded - refunding;
}

/**
 * Divides what is given back over lines by what they cost; nothing where they cost nothing.
 *
 * @param amount what is given back, in minor units
 * @param costs what each line cost
 */
export function divide(amount: bigint, costs: readonly bigint[]): bigint[] {
  return costs.some((cost) => cost > 0n) ? allocate(amount, costs) : costs.map(() => 0n);
}

/** What pieces of a line cost, less what was given back for it over and above the pieces before. */
function costOf({ line, count }: Pieces): bigint {
  const cost = worthOf(line, line.refunded + count) - line.refunded_amount;
  return cost < 0n ? 0n : cost;
}

/**
 * Makes sure that money is in the currency of an order.
 *
 * @param order the order
 * @param amount the money; undefined where none is named
 * @param field what callers know it as
 * @throws SoukError CURRENCY_MISMATCH
 */
export function requireCurrency(
  { id, currency }: StoredOrder,
  amount: Money | undefined,
  field = "amount",
): void {
  if (amount === undefined || amount.currency === currency) return;
  const description = `must be in ${currency}, the currency of the order`;
  throw refuse(
    ErrorReason.CURRENCY_MISMATCH,
    `order ${id} was paid in ${currency}, not in ${amount.currency}`,
    {
      violations: [{ field: `${field}.currency`, description }],
    },
  );
}

function exceeded({ id, currency }: StoredOrder, asked: bigint, left: bigint) {
  const message =
    asked <= 0n || left === 0n
      ? `nothing is left to give back for this of order ${id}`
      : `${asked} ${currency} in minor units cannot be given back for this; ${left} can`;
  return refuse(ErrorReason.REFUND_EXCEEDED, message, {
    metadata: { order_id: id, left_minor: String(left), asked_minor: String(asked), currency },
  });
}
