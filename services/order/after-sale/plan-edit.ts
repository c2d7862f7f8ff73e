import { equals } from "@bufbuild/protobuf";
import { type Address, AddressSchema } from "#gen/souk/mesh/v1/address_pb.ts";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import type { SaleVariants } from "../cart/sale-variants.ts";
import { requireVatId } from "../checkout/checkout-rules.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { FRESH_LINE } from "../new-order.ts";
import { destinationOf, toStoredAddress } from "../order-message.ts";
import type { StoredOrder, StoredOrderLine } from "../order-parts.ts";
import type { Offer } from "../pricing/order-to-price.ts";
import type { Discount } from "../pricing/totals.ts";
import type { Shop } from "../shop.ts";
import { leftToTake } from "./order-payments.ts";
import { lineNotFound, openPieces, totalsOf } from "./pieces.ts";
import {
  type AddedLine,
  lineOf,
  type Reckoned,
  reckonOrder,
  type UnpricedLine,
  type Way,
  wayOf,
} from "./reckon-order.ts";
import type { Quantity } from "./set-aside.ts";

/** What staff asks to change of an order. */
export interface Edit {
  readonly orderId: string;
  /** How many there shall be of lines; those that are not named stay. */
  readonly lines: readonly { readonly lineId: string; readonly quantity: bigint }[];
  readonly addedLines: readonly AddedLine[];
  /** Where to, when that changes. */
  readonly shippingAddress?: Address | undefined;
  /** How, when that changes; "" when not. */
  readonly shippingMethod: string;
  readonly expectedDifference?: Money | undefined;
  readonly reason: string;
  readonly etag: string;
  /** Of the card that pays what is set aside in addition; "" where there is none. */
  readonly paymentToken: string;
}

/** What an edit comes to. */
export interface EditPlan {
  readonly reckoned: Reckoned;
  readonly address: Address;
  /** Whether that is another one than before. */
  readonly isElsewhere: boolean;
  /** What it costs: negative when the order costs less than before. */
  readonly difference: bigint;
  /** How much is to be set aside in addition. */
  readonly missing: bigint;
  /** What is to be reserved in addition, and what is not needed any more. */
  readonly more: readonly Quantity[];
  readonly less: readonly Quantity[];
}

/** What is known of an order that is edited. */
export interface Known {
  /** The promotions that it was placed with. */
  readonly offers: readonly Offer[];
  /** What product said of the variants that are added. */
  readonly variants: SaleVariants;
  /** How goods were sent that it replaces, which costs nothing; undefined where it replaces none. */
  readonly freeWay: Way | undefined;
}

/**
 * Reckons what an edit comes to. Pieces that were cancelled before are none of the order any more then. Of an order
 * that replaces goods, the pieces that stay keep what was taken off them, and no others cost less.
 *
 * @param shop with whose rules
 * @param order the order, locked
 * @param edit what staff asks for
 * @param known what is known of the order
 * @throws SoukError LINE_NOT_FOUND, NOTHING_TO_CHANGE, ORDER_NOT_EDITABLE, VARIANT_NOT_FOUND, CURRENCY_MISMATCH,
 *   CART_TOO_LARGE, VAT_ID_INVALID, SHIPPING_METHOD_UNAVAILABLE or DIFFERENCE_CHANGED
 */
export function planEdit(shop: Shop, order: StoredOrder, edit: Edit, known: Known): EditPlan {
  const { address: before } = wayOf(order);
  const address = edit.shippingAddress ?? before;
  const method = edit.shippingMethod || order.shipping_method;
  const kept = linesAfter(order, edit);
  const isElsewhere = !equals(AddressSchema, address, before);
  const isSame =
    edit.addedLines.length === 0 &&
    kept.every(({ line, quantity }) => quantity === openPieces(line)) &&
    method === order.shipping_method;
  if (isSame && !isElsewhere) throw nothingToChange(order);
  requireVatId(order.vat_id, destinationOf(address));
  const lines: UnpricedLine[] = [
    ...kept.filter(({ quantity }) => quantity > 0n).map((it) => unpriced(it, known.freeWay !== undefined)),
    ...edit.addedLines.map((added) => lineOf(order, added, known.variants)),
  ];
  if (lines.length === 0) throw nothingLeft(order);
  const { offers, freeWay } = known;
  const reckoned = reckonOrder(shop, lines, { order, offers, address, method, freeWay });
  const difference = reckoned.total - (order.total - order.cancelled_total);
  requireDifference(order, difference, edit.expectedDifference);
  const missing = reckoned.total - leftToTake(order);
  return {
    reckoned,
    address,
    isElsewhere,
    difference,
    missing: missing > 0n ? missing : 0n,
    ...stockOf(order, lines),
  };
}

/** The order as it would be. */
export function editedOrder(order: StoredOrder, { reckoned, address }: EditPlan): StoredOrder {
  const { lines, ...rest } = reckoned;
  return {
    ...order,
    ...rest,
    shipping_address: toStoredAddress(address),
    cancelled_total: 0n,
    lines: lines.map((line, position) => ({ ...line, ...FRESH_LINE, order_id: order.id, position })),
  };
}

/** A line, and how many of it there shall be. */
interface Wanted {
  readonly line: StoredOrderLine;
  readonly quantity: bigint;
}

function linesAfter(order: StoredOrder, { lines }: Edit): Wanted[] {
  const wanted = new Map(lines.map(({ lineId, quantity }) => [lineId.toLowerCase(), quantity]));
  const unknown = [...wanted.keys()].find((id) => !order.lines.some((line) => line.id === id));
  if (unknown !== undefined) throw lineNotFound("order", order.id, unknown);
  return order.lines.map((line) => ({ line, quantity: wanted.get(line.id) ?? openPieces(line) }));
}

/** A line as it was ordered, but for how many; of what replaces goods, with what is taken off the pieces that stay. */
function unpriced({ line, quantity }: Wanted, keepsDiscounts: boolean): UnpricedLine {
  const { id, cart_line_id, variant_id, product_id, category_id, tax_class } = line;
  const { sku, title, option_values, grams, unit_price, note } = line;
  const place = { id, cart_line_id, variant_id, product_id, category_id, tax_class };
  const discounts = keepsDiscounts ? keptDiscounts(line, quantity) : [];
  return { ...place, sku, title, option_values, grams, quantity, unit_price, note, discounts };
}

/** What is taken off the pieces that stay, as where the others are cancelled; it is not off those that are added. */
function keptDiscounts(line: StoredOrderLine, quantity: bigint): Discount[] {
  const open = openPieces(line);
  const stay = quantity < open ? quantity : open;
  const { discounts } = totalsOf({ line, count: stay }, 0n);
  return discounts
    .map((discount, index) => {
      const had = BigInt(line.discounts[index]?.pieces ?? line.quantity);
      const pieces = had < stay ? had : stay;
      return { ...discount, ...(pieces < quantity && { pieces }) };
    })
    .filter(({ amount }) => amount > 0n);
}

/**
 * Requires that a change costs what staff expects.
 *
 * @param order the order
 * @param difference what it costs, in minor units
 * @param expected what staff expects; anything when left out
 * @throws SoukError CURRENCY_MISMATCH or DIFFERENCE_CHANGED
 */
export function requireDifference(
  { id, currency }: Pick<StoredOrder, "id" | "currency">,
  difference: bigint,
  expected: Money | undefined,
): void {
  if (expected === undefined) return;
  if (expected.currency !== currency) {
    const description = `must be in ${currency}, the currency of the order`;
    throw refuse(ErrorReason.CURRENCY_MISMATCH, `expected_difference.currency ${description}`, {
      violations: [{ field: "expected_difference.currency", description }],
    });
  }
  if (expected.minor === difference) return;
  throw refuse(
    ErrorReason.DIFFERENCE_CHANGED,
    `the change of order ${id} costs ${difference} ${currency} in minor units, not ${expected.minor}; agree on that`,
    {
      metadata: {
        order_id: id,
        difference_minor: String(difference),
        expected_minor: String(expected.minor),
        currency,
      },
    },
  );
}

/**
 * Requires that something pays what is missing.
 *
 * @param order the order
 * @param missing how much, in minor units
 * @param token of the card that shall pay it; "" where there is none
 * @throws SoukError PAYMENT_MISSING
 */
export function requirePaid(
  { id, currency }: Pick<StoredOrder, "id" | "currency">,
  missing: bigint,
  token: string,
): void {
  if (missing === 0n || token !== "") return;
  const description = `is missing: ${missing} ${currency} in minor units are to pay in addition`;
  throw refuse(ErrorReason.PAYMENT_MISSING, `payment_token ${description}`, {
    metadata: { order_id: id, missing_minor: String(missing), currency },
    violations: [{ field: "payment_token", description }],
  });
}

function stockOf(order: StoredOrder, lines: readonly UnpricedLine[]): Pick<EditPlan, "more" | "less"> {
  const changes = new Map<string, bigint>();
  const count = (variantId: string, by: bigint) =>
    changes.set(variantId, (changes.get(variantId) ?? 0n) + by);
  for (const line of lines) count(line.variant_id, line.quantity);
  for (const line of order.lines) count(line.variant_id, -openPieces(line));
  const all = [...changes].map(([variantId, by]) => ({ variantId, by }));
  return {
    more: all.filter(({ by }) => by > 0n).map(({ variantId, by }) => ({ variantId, quantity: by })),
    less: all.filter(({ by }) => by < 0n).map(({ variantId, by }) => ({ variantId, quantity: -by })),
  };
}

function nothingToChange({ id }: StoredOrder) {
  return refuse(
    ErrorReason.NOTHING_TO_CHANGE,
    `order ${id} is already as it would be; say what shall be different`,
    { metadata: { order_id: id } },
  );
}

function nothingLeft({ id, state }: StoredOrder) {
  return refuse(ErrorReason.ORDER_NOT_EDITABLE, `nothing would be left of order ${id}; cancel it instead`, {
    metadata: { order_id: id, state },
  });
}
