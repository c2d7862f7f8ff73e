import { uuidv7 } from "uuidv7";
import type { Address } from "#gen/souk/mesh/v1/address_pb.ts";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { money } from "#kit/money.ts";
import type { Scope } from "#kit/scope.ts";
import { lockCart, orderableLines } from "./cart-rows.ts";
import { cartEmpty, requireAvailable, requireExpected, requireShipping } from "./checkout-rules.ts";
import type { OrderTransaction } from "./database.ts";
import { destinationOf, toStoredAddress } from "./order-message.ts";
import { newOrderNumber } from "./order-number.ts";
import { insertOrder, type NewOrder } from "./orders.ts";
import { type PricedLine, placeInCatalogue, priceLines, taxIncludedIn } from "./price-lines.ts";
import type { SaleVariants } from "./sale-variants.ts";
import type { Shop } from "./shop.ts";
import { toStoredDiscounts, toStoredTaxes } from "./stored-totals.ts";

/** What a customer asks for. */
export interface Checkout {
  readonly customerId: string;
  /** Where to write to the customer. */
  readonly email: string;
  readonly shippingAddress: Address;
  readonly shippingMethod: string;
  readonly expectedTotal?: Money;
}

/**
 * Freezes what is in a cart into a PENDING order. The cart stays as it is, but what a PENDING order holds cannot
 * be ordered a second time: orders of one cart are prepared one after the other, each from what is left.
 *
 * @param shop what orders are handled with
 * @param tx the transaction
 * @param scope the work
 * @param id the id that the order shall have
 * @param checkout what the customer asks for
 * @param known what product said of the cart's variants just before
 * @throws SoukError CART_EMPTY, LINE_UNAVAILABLE, SHIPPING_METHOD_UNAVAILABLE or TOTAL_CHANGED
 */
export async function prepareOrder(
  shop: Shop,
  tx: OrderTransaction,
  scope: Scope,
  id: string,
  checkout: Checkout,
  known: SaleVariants,
): Promise<NewOrder> {
  const [cart, lines] = await Promise.all([
    lockCart(tx.sql, checkout.customerId),
    orderableLines(tx.sql, checkout.customerId),
  ]);
  if (cart === undefined) throw cartEmpty("the cart is empty; add something first");
  if (lines.length === 0) throw cartEmpty("nothing is in the cart that is not being ordered already");

  const ids = lines.map(({ variantId }) => variantId);
  const variants = await shop.readSaleVariants(scope, ids, known);
  const circumstances = {
    currency: cart.currency,
    variants,
    customer: { groups: [], isNew: false, vatId: "" },
    offers: [],
    tax: shop.tax,
    destination: destinationOf(checkout.shippingAddress),
  };
  const { destination } = circumstances;
  const unshipped = priceLines(lines, circumstances);
  requireAvailable(unshipped);
  const shipping = requireShipping(shop, unshipped, destination, checkout.shippingMethod);
  const priced = priceLines(lines, { ...circumstances, shipping });
  requireExpected(money(priced.totals.total, cart.currency), checkout.expectedTotal);

  const { totals } = priced;
  const order: NewOrder = {
    id,
    number: newOrderNumber(),
    customer_id: checkout.customerId,
    email: checkout.email,
    currency: cart.currency,
    subtotal: totals.subtotal,
    shipping: totals.shipping.subtotal,
    shipping_discounts: toStoredDiscounts(totals.shipping.discounts),
    shipping_taxes: toStoredTaxes(totals.shipping.taxes),
    shipping_total: totals.shipping.total,
    discounts: toStoredDiscounts(totals.discounts),
    taxes: toStoredTaxes(totals.taxes),
    tax_included: taxIncludedIn(totals),
    total: totals.total,
    coupon_codes: [],
    shipping_address: toStoredAddress(checkout.shippingAddress),
    shipping_method: shipping.method,
    lines: priced.lines.map(frozen),
  };
  insertOrder(tx, order);
  return order;
}

function frozen({ line, sale, unitPrice = 0n, subtotal, discounts, taxes, total }: PricedLine) {
  if (sale === undefined) throw new Error(`line ${line.id} is not on sale, which was checked`);
  const { productId, categoryId, taxClass } = placeInCatalogue(sale);
  return {
    id: uuidv7(),
    cart_line_id: line.id,
    variant_id: line.variantId,
    product_id: productId,
    category_id: categoryId,
    tax_class: taxClass,
    sku: sale.variant?.sku ?? "",
    title: sale.productTitle,
    option_values: sale.variant?.optionValues ?? [],
    quantity: line.quantity,
    unit_price: unitPrice,
    subtotal,
    discounts: toStoredDiscounts(discounts),
    taxes: toStoredTaxes(taxes),
    total,
    note: line.note,
  };
}
