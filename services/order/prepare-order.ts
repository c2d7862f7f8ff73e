import { uuidv7 } from "uuidv7";
import type { Address } from "#gen/souk/mesh/v1/address_pb.ts";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import type { SaleVariant } from "#gen/souk/product/v1/product_pb.ts";
import type { Scope } from "#kit/scope.ts";
import { lockCart, orderableLines, type StoredLine } from "./cart-rows.ts";
import { cartEmpty, requireAvailable, requireExpected, requireShipping } from "./checkout-rules.ts";
import type { OrderTransaction } from "./database.ts";
import { toStoredAddress } from "./order-message.ts";
import { newOrderNumber } from "./order-number.ts";
import { insertOrder, type NewOrder } from "./orders.ts";
import { type PricedLine, priceCart } from "./pricing/price-cart.ts";
import { pricesOf, type SaleVariants } from "./sale-variants.ts";
import type { Shop } from "./shop.ts";

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
  const { currency } = cart;
  const shipping = requireShipping(shop, currency, checkout.shippingMethod);
  const { taxBasisPoints } = shop;
  const breakdown = priceCart({ currency, lines, prices: pricesOf(variants), shipping, taxBasisPoints });
  requireAvailable(breakdown);
  requireExpected(breakdown.total, checkout.expectedTotal);

  const order: NewOrder = {
    id,
    number: newOrderNumber(),
    customer_id: checkout.customerId,
    email: checkout.email,
    currency,
    subtotal: breakdown.subtotal.minor,
    shipping: breakdown.shipping.minor,
    tax_included: breakdown.taxIncluded.minor,
    total: breakdown.total.minor,
    shipping_address: toStoredAddress(checkout.shippingAddress),
    shipping_method: shipping.id,
    lines: breakdown.lines.map((priced) => frozen(priced, variants.get(priced.line.variantId))),
  };
  insertOrder(tx, order);
  return order;
}

function frozen({ line, unitPrice, total }: PricedLine<StoredLine>, sale: SaleVariant | undefined) {
  return {
    id: uuidv7(),
    cart_line_id: line.id,
    variant_id: line.variantId,
    sku: sale?.variant?.sku ?? "",
    title: sale?.productTitle ?? "",
    option_values: sale?.variant?.optionValues ?? [],
    quantity: line.quantity,
    unit_price: unitPrice?.minor ?? 0n,
    total: total.minor,
    note: line.note,
  };
}
