import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Address } from "#gen/souk/mesh/v1/address_pb.ts";
import type { CheckoutService, QuoteSchema } from "#gen/souk/order/v1/checkout_pb.ts";
import { money } from "#kit/money.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import type { Sagas } from "#kit/saga/sagas.ts";
import { shopperOf } from "../cart/shopper.ts";
import { placeOrder } from "../checkout/place-order.ts";
import type { Checkout } from "../checkout/prepare-order.ts";
import { getQuotes, type Quote } from "../checkout/quote.ts";
import { returnFromPayment } from "../checkout/return-from-payment.ts";
import type { OrderChanges } from "../order-changes.ts";
import { destinationOf, toMeansShare, toOrder } from "../order-message.ts";
import type { StoredOrder } from "../order-parts.ts";
import type { Shop } from "../shop.ts";
import { taxIncludedIn, toDiscount, toIdleCoupon, toStoredTaxes, toTaxAmount } from "../stored-totals.ts";

/** Serves souk.order.v1.CheckoutService. */
export function checkoutRpc(shop: Shop, sagas: Sagas, changes: OrderChanges) {
  return {
    async getQuote({ cartToken, shippingAddress, vatId, giftCards, storeCredit }, call) {
      const shopper = shopperOf(call, cartToken);
      const destination = destinationOf(shippingAddress as Address);
      const wish = { destination, vatId, means: { giftCards, storeCredit } };
      return { quotes: (await getQuotes(shop, call, shopper, wish)).map(toQuote) };
    },

    async placeOrder({ cartToken, email, shippingAddress, payment, ...request }, call) {
      const { shippingMethod, expectedTotal, billingAddress, vatId, giftCards, storeCredit, returnUri } =
        request;
      const checkout: Checkout = {
        shopper: shopperOf(call, cartToken),
        guestEmail: email,
        shippingAddress: shippingAddress as Address,
        shippingMethod,
        expectedTotal,
        billingAddress,
        vatId,
        paying: { token: payment?.token ?? "", returnUri, giftCards, storeCredit },
      };
      const { order, orderToken } = await placeOrder(shop, sagas, call, checkout);
      return { order: toOrder(order), action: actionFor(order), orderToken };
    },

    async completePayment({ orderId, orderToken, giveUp }, call) {
      const returning = { orderId: orderId.toLowerCase(), orderToken, giveUp };
      return { order: toOrder(await returnFromPayment(shop, sagas, changes, call, returning)) };
    },
  } satisfies Partial<Implementation<typeof CheckoutService>>;
}

/** What its customer has to do; undefined where there is nothing, or no page for it. */
function actionFor({ state, confirm_uri: redirectUri, confirm_until }: StoredOrder) {
  if (state !== "AWAITING_PAYMENT" || !redirectUri || confirm_until === null) return undefined;
  return { redirectUri, expireTime: timestampFromDate(confirm_until) };
}

function toQuote({ shipping, priced, split, idleCoupons }: Quote): MessageInitShape<typeof QuoteSchema> {
  const { currency, lines, totals } = priced;
  return {
    shippingMethod: shipping.method,
    shippingName: shipping.name,
    pickUp: shipping.isPickUp,
    means: split.shares.map((share) => toMeansShare(share, currency)),
    cardAmount: money(split.card, currency),
    subtotal: money(totals.subtotal, currency),
    shipping: money(totals.shipping.subtotal, currency),
    taxIncluded: money(taxIncludedIn(totals), currency),
    total: money(totals.total, currency),
    discounts: totals.discounts.map((discount) => toDiscount(discount, currency)),
    idleCoupons: idleCoupons.map((idle) => toIdleCoupon(idle, currency)),
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
