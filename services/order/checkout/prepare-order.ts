import { uuidv7 } from "uuidv7";
import type { Address } from "#gen/souk/mesh/v1/address_pb.ts";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import type { Scope } from "#kit/scope.ts";
import { changesSince } from "../cart/cart-changes.ts";
import { cartNotFound, countOrder, lockCart } from "../cart/cart-rows.ts";
import { couponExhausted } from "../cart/coupons.ts";
import { circumstancesOf } from "../cart/price-cart.ts";
import { type PricedLine, priceLines, toStoredVariant } from "../cart/price-lines.ts";
import { type CartState, customerKeyOf, readCart } from "../cart/read-cart.ts";
import type { SaleVariants } from "../cart/sale-variants.ts";
import { groupsOf, hashOf, type Shopper } from "../cart/shopper.ts";
import type { OrderSql, OrderTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { insertOrder } from "../new-order.ts";
import { destinationOf, toStoredAddress } from "../order-message.ts";
import type { StoredOrder } from "../order-parts.ts";
import { hasLimit, usePromotions } from "../promotions/use-promotions.ts";
import type { Shop } from "../shop.ts";
import { toStoredDiscounts, toStoredTaxes, toStoredTotals } from "../stored-totals.ts";
import {
  cartEmpty,
  requireAvailable,
  requireCard,
  requireExpected,
  requireShipping,
  requireVatId,
} from "./checkout-rules.ts";
import { type KnownMeans, splitPayment, toStoredMeans, type WantedMeans } from "./means.ts";
import { newOrderNumber } from "./order-number.ts";

/** What a shopper asks for. */
export interface Checkout {
  readonly shopper: Shopper;
  /** Where to write to a guest; "" for a customer. */
  readonly guestEmail: string;
  readonly shippingAddress: Address;
  readonly shippingMethod: string;
  readonly expectedTotal?: Money | undefined;
  /** Where the invoice goes; to the shipping address when left out. */
  readonly billingAddress?: Address | undefined;
  /** The VAT number of the customer's company, as it was written; "" where there is none. */
  readonly vatId: string;
  readonly paying: Paying;
}

/** How a shopper pays. */
export interface Paying extends WantedMeans {
  /** Of the card; "" where there is none. */
  readonly token: string;
  /** Where the browser comes back to after the customer confirmed the payment; "" where it cannot. */
  readonly returnUri: string;
}

/** What is known when an order is prepared. */
export interface Preparation {
  /** The id that the order shall have. */
  readonly id: string;
  /** The cart as it was read just before; it is locked and read anew when left out. */
  readonly state?: CartState | undefined;
  /** What product said of the cart's variants just before, in the cart's currency. */
  readonly known: SaleVariants;
  readonly currency: string;
  /** What pays beside a card. */
  readonly means: readonly KnownMeans[];
  /** Promotions that turned out to be used up. */
  readonly without: ReadonlySet<string>;
  /** SHA-256 of the token that shows that a guest's order is theirs. */
  readonly orderTokenHash: string | null;
}

/**
 * The cart of a shopper with what can be ordered of it.
 *
 * @param db where to read
 * @param checkout what the shopper asks for
 */
export function readOrderable(db: OrderSql, checkout: Checkout): Promise<CartState> {
  return readCart(db, checkout.shopper.owner, { withoutHeld: true, customerKey: payerKeyOf(checkout) });
}

/**
 * Freezes what is in a cart into a PENDING order, and uses its promotions. The cart stays as it is, but what a PENDING
 * order holds cannot be ordered a second time: each order of a cart is prepared from what those before it left, or
 * breaks the constraint CART_AS_READ.
 *
 * @param shop what orders are handled with
 * @param tx the transaction
 * @param scope the work
 * @param checkout what the shopper asks for
 * @param preparation what is known
 * @returns the order as it is stored
 * @throws SoukError CART_EMPTY, CART_NOT_FOUND, LINE_UNAVAILABLE, SHIPPING_METHOD_UNAVAILABLE, TOTAL_CHANGED,
 *   GUEST_EMAIL_MISSING, VAT_ID_INVALID, GIFT_CARD_REFUSED, STORE_CREDIT_REFUSED, or INVALID_REQUEST when nothing pays
 *   what is left for a card
 * @throws UsedUp when a promotion that would apply is used up by now
 */
export async function prepareOrder(
  shop: Shop,
  tx: OrderTransaction,
  scope: Scope,
  checkout: Checkout,
  { id, state: read, known, currency, means, without, orderTokenHash }: Preparation,
): Promise<StoredOrder> {
  const { shopper } = checkout;
  const email = requireEmail(checkout);
  const destination = destinationOf(checkout.shippingAddress);
  const vatId = requireVatId(checkout.vatId, destination);
  const state = read ?? (await lockAndRead(tx, checkout));
  const { cart, lines } = state;
  if (cart === undefined && "tokenHash" in shopper.owner) throw cartNotFound();
  if (cart === undefined) throw cartEmpty("the cart is empty; add something first");
  if (lines.length === 0) throw cartEmpty("nothing is in the cart that is not being ordered already");

  const groups = groupsOf(shopper, state);
  const market = { currency: cart.currency, groups };
  const ids = lines.map(({ variantId }) => variantId);
  const variants = await shop.readSaleVariants(
    scope,
    market,
    ids,
    cart.currency === currency ? known : undefined,
  );
  const spent = state.candidates.find(({ code, usedUp }) => code !== "" && usedUp !== "");
  if (spent !== undefined) throw couponExhausted(spent.code, spent.usedUp);
  const candidates = state.candidates.filter((it) => !without.has(it.id));
  const own = await circumstancesOf(shop, tx.sql, shopper, { ...state, cart, candidates }, variants, vatId);
  const circumstances = { ...own, destination };
  const unshipped = priceLines(lines, circumstances);
  requireAvailable(unshipped);
  const shipping = requireShipping(shop, unshipped, destination, checkout.shippingMethod);
  const priced = priceLines(lines, { ...circumstances, shipping });
  const { totals } = priced;
  const applied = totals.discounts.map(({ promotionId }) => promotionId);
  const codes = totals.discounts.map(({ couponCode }) => couponCode).filter((code) => code !== "");
  const told = { lines: priced.lines, saved: [], short: new Map(), codes: cart.couponCodes, applied: codes };
  requireExpected(priced, checkout.expectedTotal, changesSince(cart.seen, told));
  const split = splitPayment(totals.total, cart.currency, means);
  requireCard(split, cart.currency, checkout.paying.token);
  const offers = own.offers.filter((offer) => applied.includes(offer.id));
  await Promise.all([
    // Whoever locks both locks the cart first, so that nobody waits in a circle.
    read !== undefined && offers.some(hasLimit) && lockCart(tx.sql, shopper.owner),
    usePromotions(tx, id, payerKeyOf(checkout), offers),
  ]);
  countOrder(tx, cart);

  return insertOrder(tx, {
    id,
    number: newOrderNumber(),
    customer_id: "customerId" in shopper.owner ? shopper.owner.customerId : null,
    order_token_hash: orderTokenHash,
    cart_id: cart.id,
    customer_groups: [...groups],
    exchange_of_order_id: null,
    email,
    currency: cart.currency,
    ...toStoredTotals(totals),
    coupon_codes: codes,
    means: toStoredMeans(split.shares),
    shipping_address: toStoredAddress(checkout.shippingAddress),
    shipping_method: shipping.method,
    billing_address: checkout.billingAddress ? toStoredAddress(checkout.billingAddress) : null,
    vat_id: vatId,
    lines: priced.lines.map(frozen),
  });
}

/** Staff that orders for somebody on the phone does so with a guest's cart. */
function emailOf({ shopper, guestEmail }: Checkout): string {
  return ("tokenHash" in shopper.owner && guestEmail) || shopper.email;
}

function requireEmail(checkout: Checkout): string {
  const email = emailOf(checkout);
  if (email !== "") return email;
  const description = "is missing: a guest says with the order where to write to";
  throw refuse(ErrorReason.GUEST_EMAIL_MISSING, `email ${description}`, {
    violations: [{ field: "email", description }],
  });
}

async function lockAndRead(tx: OrderTransaction, checkout: Checkout): Promise<CartState> {
  const [, state] = await Promise.all([
    lockCart(tx.sql, checkout.shopper.owner),
    readOrderable(tx.sql, checkout),
  ]);
  return state;
}

/** Under what the uses of promotions are counted: guests who have the same address are the same guest. */
function payerKeyOf(checkout: Checkout): string {
  return customerKeyOf(checkout.shopper.owner) || `guest:${hashOf(emailOf(checkout).toLowerCase())}`;
}

function frozen({ line, sale, unitPrice = 0n, subtotal, discounts, taxes, total }: PricedLine) {
  if (sale === undefined) throw new Error(`line ${line.id} is not on sale, which was checked`);
  return {
    id: uuidv7(),
    cart_line_id: line.id,
    variant_id: line.variantId,
    ...toStoredVariant(sale),
    quantity: line.quantity,
    unit_price: unitPrice,
    subtotal,
    discounts: toStoredDiscounts(discounts),
    taxes: toStoredTaxes(taxes),
    total,
    note: line.note,
  };
}
