import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Address } from "#gen/souk/mesh/v1/address_pb.ts";
import type { CheckoutService, QuoteSchema } from "#gen/souk/order/v1/checkout_pb.ts";
import { money } from "#kit/money.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import { destinationOf, toOrder } from "../order-message.ts";
import { placeOrder } from "../place-order.ts";
import type { Checkout } from "../prepare-order.ts";
import { taxIncludedIn } from "../price-lines.ts";
import { getQuotes, type Quote } from "../quote.ts";
import type { Shop } from "../shop.ts";
import { shopperOf } from "../shopper.ts";
import { toDiscount, toStoredTaxes, toTaxAmount } from "../stored-totals.ts";

/** Serves souk.order.v1.CheckoutService. */
export function checkoutRpc(shop: Shop, sagas: Sagas) {
  return {
    async getQuote({ cartToken, shippingAddress, vatId }, call) {
      const shopper = shopperOf(call, cartToken);
      const destination = destinationOf(shippingAddress as Address);
      return { quotes: (await getQuotes(shop, call, shopper, destination, vatId)).map(toQuote) };
    },

    async placeOrder({ cartToken, email, shippingAddress, payment, ...request }, call) {
      const { shippingMethod, expectedTotal, billingAddress, vatId } = request;
      const checkout: Checkout = {
        shopper: shopperOf(call, cartToken),
        guestEmail: email,
        shippingAddress: shippingAddress as Address,
        shippingMethod,
        expectedTotal,
        billingAddress,
        vatId,
      };
      const { order, orderToken } = await placeOrder(shop, sagas, call, checkout, payment?.token ?? "");
      return { order: toOrder(order), orderToken };
    },
  } satisfies Partial<Implementation<typeof CheckoutService>>;
}

function toQuote({ shipping, priced }: Quote): MessageInitShape<typeof QuoteSchema> {
  const { currency, lines, totals } = priced;
  return {
    shippingMethod: shipping.method,
    shippingName: shipping.name,
    pickUp: shipping.isPickUp,
    subtotal: money(totals.subtotal, currency),
    shipping: money(totals.shipping.subtotal, currency),
    taxIncluded: money(taxIncludedIn(totals), currency),
    total: money(totals.total, currency),
    discounts: totals.discounts.map((discount) => toDiscount(discount, currency)),
    taxes: toStoredTaxes(totals.taxes).map((tax) => toTaxAmount(tax, currency)),
    lines: lines.map(({ line, unitPrice = 0n, subtotal, discounts, taxes, total }) => ({
      lineId: line.id,
      unitPrice: money(unitPrice, currency),
      subtotal: money(subtotal, currency),
      discounts: discounts.map((discount) => toDiscount(discount, currency)),
      taxes: toStoredTaxes(taxes).map((tax) => toTaxAmount(tax, currency)),
      total: money(total, currency),
    })),
  };
}
