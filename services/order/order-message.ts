import { create, fromJson, type JsonObject, toJson } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Address, AddressSchema } from "#gen/souk/mesh/v1/address_pb.ts";
import { type Order, OrderSchema, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { money } from "#kit/money.ts";
import type { OrderState as StoredState } from "./order-state.ts";
import type { StoredOrder, StoredOrderLine } from "./orders.ts";

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
    lines: order.lines.map((line) => toLine(line, currency)),
    subtotal: money(order.subtotal, currency),
    shipping: money(order.shipping, currency),
    taxIncluded: money(order.tax_included, currency),
    total: money(order.total, currency),
    shippingAddress: fromJson(AddressSchema, order.shipping_address, { ignoreUnknownFields: true }),
    shippingMethod: order.shipping_method,
    paymentId: order.id,
    cancelReason: order.cancel_reason,
    createTime: timestampFromDate(order.create_time),
    updateTime: timestampFromDate(order.update_time),
    etag: String(order.version),
  });
}

/**
 * An address as orders store it.
 *
 * @param address the address
 */
export function toStoredAddress(address: Address): JsonObject {
  return toJson(AddressSchema, address) as JsonObject;
}

/** An order that is being cancelled is CONFIRMED to its customer until all is given back. */
const STATES: Readonly<Record<StoredState, OrderState>> = {
  PENDING: OrderState.PENDING,
  CONFIRMED: OrderState.CONFIRMED,
  CANCELLING: OrderState.CONFIRMED,
  CANCELLED: OrderState.CANCELLED,
};

function toLine(line: StoredOrderLine, currency: string) {
  return {
    id: line.id,
    variantId: line.variant_id,
    sku: line.sku,
    title: line.title,
    optionValues: line.option_values,
    quantity: line.quantity,
    unitPrice: money(line.unit_price, currency),
    total: money(line.total, currency),
    note: line.note,
  };
}
