import { create, fromJson, type JsonObject, toJson } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Address, AddressSchema } from "#gen/souk/mesh/v1/address_pb.ts";
import { MeansKind } from "#gen/souk/order/v1/means_pb.ts";
import { type Order, OrderSchema, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { money } from "#kit/money.ts";
import { toInvoice, toPayment, toRefund, toReturn, toShipment } from "./after-sale/after-sale-message.ts";
import { isWaiting } from "./back-orders.ts";
import type { MeansPart } from "./checkout/means.ts";
import type { StoredOrder, StoredOrderLine } from "./order-parts.ts";
import type { OrderState as StoredState } from "./order-state.ts";
import type { Destination } from "./pricing/order-to-price.ts";
import { sumOfDiscounts, toDiscount, toTaxAmount } from "./stored-totals.ts";

/**
 * An order as callers and events tell it.
 *
 * @param order the order as stored
 */
export function toOrder(order: StoredOrder): Order {
  const { currency } = order;
  return create(OrderSchema, {
    id: order.id,
    number: order.number,
    state: STATES[order.state],
    email: order.email,
    customerId: order.customer_id ?? "",
    guest: order.customer_id === null,
    lines: order.lines.map((line) => toLine(order, line)),
    subtotal: money(order.subtotal, currency),
    shipping: money(order.shipping, currency),
    taxIncluded: money(order.tax_included, currency),
    discounts: order.discounts.map((discount) => toDiscount(discount, currency)),
    taxes: order.taxes.map((tax) => toTaxAmount(tax, currency)),
    total: money(order.total, currency),
    couponCodes: order.coupon_codes,
    means: order.means.map((share) => toMeansShare({ ...share, minor: BigInt(share.amount) }, currency)),
    shippingAddress: fromJson(AddressSchema, order.shipping_address, { ignoreUnknownFields: true }),
    ...(order.billing_address !== null && {
      billingAddress: fromJson(AddressSchema, order.billing_address, { ignoreUnknownFields: true }),
    }),
    vatId: order.vat_id,
    shippingMethod: order.shipping_method,
    paymentId: order.payments[0]?.paymentId ?? order.id,
    payments: order.payments.map((payment) => toPayment(payment, currency)),
    exchangeOfOrderId: order.exchange_of_order_id ?? "",
    cancelReason: order.cancel_reason,
    cancelled: money(order.cancelled_total, currency),
    captured: money(order.captured, currency),
    refunded: money(order.refunded, currency),
    shipments: order.shipments.map((shipment) => toShipment(shipment, currency)),
    returns: order.returns.map(toReturn),
    refunds: order.refunds.map((refund) => toRefund(refund, currency)),
    invoices: order.invoices.map((invoice) => toInvoice(invoice, currency)),
    createTime: timestampFromDate(order.create_time),
    updateTime: timestampFromDate(order.update_time),
    etag: String(order.version),
  });
}

/**
 * What one of the means of payment pays, as callers are told it.
 *
 * @param share what it pays
 * @param currency its currency
 */
export function toMeansShare({ kind, label, minor }: Omit<MeansPart, "code">, currency: string) {
  return { kind: MeansKind[kind], displayName: label, amount: money(minor, currency) };
}

/**
 * An address as orders store it.
 *
 * @param address the address
 */
export function toStoredAddress(address: Address): JsonObject {
  return toJson(AddressSchema, address) as JsonObject;
}

/**
 * Where an order to an address goes, for its taxes and its shipping.
 *
 * @param address the address
 */
export function destinationOf({ countryCode, region }: Address): Destination {
  return { countryCode, region };
}

/** An order that is being cancelled is CONFIRMED to its customer until all is given back. */
const STATES: Readonly<Record<StoredState, OrderState>> = { ...OrderState, CANCELLING: OrderState.CONFIRMED };

function toLine(order: StoredOrder, line: StoredOrderLine) {
  const { currency } = order;
  return {
    id: line.id,
    variantId: line.variant_id,
    sku: line.sku,
    title: line.title,
    optionValues: line.option_values,
    quantity: line.quantity,
    unitPrice: money(line.unit_price, currency),
    discount: money(sumOfDiscounts(line.discounts), currency),
    discounts: line.discounts.map((discount) => toDiscount(discount, currency)),
    taxes: line.taxes.map((tax) => toTaxAmount(tax, currency)),
    total: money(line.total, currency),
    note: line.note,
    shipped: line.shipped,
    cancelled: line.cancelled,
    returned: line.returned,
    backOrder: isWaiting(order, line),
  };
}
