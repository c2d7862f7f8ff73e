import { create } from "@bufbuild/protobuf";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { PromotionTermsSchema } from "#gen/souk/order/v1/promotion_pb.ts";
import { money } from "#kit/money.ts";
import type { SaleVariants } from "../cart/sale-variants.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { StoredOrder, StoredOrderLine } from "../order-parts.ts";
import type { Offer } from "../pricing/order-to-price.ts";
import { mergeDiscounts } from "../pricing/promotions/basket.ts";
import type { Shop } from "../shop.ts";
import { type Item, type Pieces, requirePieces, totalsOf } from "./pieces.ts";
import { requireDifference } from "./plan-edit.ts";
import { type AddedLine, lineOf, type Reckoned, reckonOrder, wayOf } from "./reckon-order.ts";
import { planRefund, type RefundPlan, refundable } from "./refunds.ts";

/** What staff asks to exchange. */
export interface Exchange {
  readonly orderId: string;
  /** What comes back. */
  readonly returnedItems: readonly Item[];
  /** What is sent instead. */
  readonly sentLines: readonly AddedLine[];
  /** Whether it may be sent before the goods are back. */
  readonly sentFirst: boolean;
  readonly expectedDifference?: Money | undefined;
  readonly reason: string;
  /** Of the card that pays what is set aside in addition; "" where there is none. */
  readonly paymentToken: string;
}

/** What an exchange comes to. */
export interface ExchangePlan {
  readonly pieces: readonly Pieces[];
  /** What the goods that come back pay for the others. */
  readonly refund: RefundPlan;
  readonly reckoned: Reckoned;
  /** What it costs: negative when money is given back. */
  readonly difference: bigint;
  /** How much is to be set aside in addition. */
  readonly missing: bigint;
}

/**
 * Reckons what an exchange comes to: goods come back at what was paid for them, others are sent at today's prices and
 * without cost. What promotions took off the former, they take off the latter, so that goods of one price are exchanged
 * for nothing, and no promotion gives more than it gave.
 *
 * @param shop with whose rules
 * @param order the order whose goods come back, locked
 * @param exchange what staff asks for
 * @param variants what product said of what is sent
 * @throws SoukError LINE_NOT_FOUND, QUANTITY_EXCEEDED, REFUND_EXCEEDED when what was paid was given back,
 *   VARIANT_NOT_FOUND, CURRENCY_MISMATCH, CART_TOO_LARGE or DIFFERENCE_CHANGED
 */
export function planExchange(
  shop: Shop,
  order: StoredOrder,
  { returnedItems, sentLines, expectedDifference }: Exchange,
  variants: SaleVariants,
): ExchangePlan {
  const pieces = requirePieces(order, returnedItems, exchangeable);
  const items = pieces.map(({ line, count }) => ({ lineId: line.id, quantity: count }));
  const refund = planRefund(order, { items, withShipping: false, amount: undefined, isCapped: true });
  if (refund.amount === 0n && worthIn(pieces) > 0n) throw nothingLeft(order);
  const lines = sentLines.map((sent) => lineOf(order, sent, variants));
  const way = wayOf(order);
  const offers = carriedOver(order, pieces);
  const reckoned = reckonOrder(shop, lines, { order, offers, ...way, freeWay: way });
  const difference = reckoned.total - refund.amount;
  requireDifference(order, difference, expectedDifference);
  return { pieces, refund, reckoned, difference, missing: difference > 0n ? difference : 0n };
}

/** How many pieces of a line were sent, are not on their way back, and were not given back for. */
function exchangeable(line: StoredOrderLine): bigint {
  const here = line.shipped - line.awaited - line.returned;
  const paid = refundable(line);
  return here < paid ? here : paid;
}

/** What goods cost; nothing where promotions made them free. */
function worthIn(pieces: readonly Pieces[]): bigint {
  return pieces.reduce((sum, each) => sum + totalsOf(each, each.line.refunded).total, 0n);
}

function nothingLeft({ id }: StoredOrder) {
  return refuse(
    ErrorReason.REFUND_EXCEEDED,
    `what was paid for these goods of order ${id} was given back; take them back and sell others`,
    { metadata: { order_id: id, left_minor: "0" } },
  );
}

function carriedOver({ currency }: StoredOrder, pieces: readonly Pieces[]): Offer[] {
  const discounts = pieces.flatMap((each) => totalsOf(each, each.line.refunded).discounts);
  return mergeDiscounts(discounts).map(({ promotionId, displayName, couponCode, amount }) => {
    const effect = { case: "amountOff" as const, value: { amounts: [money(amount, currency)] } };
    return { id: promotionId, terms: create(PromotionTermsSchema, { displayName, effect }), couponCode };
  });
}
