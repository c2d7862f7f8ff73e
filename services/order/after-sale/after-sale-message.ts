import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { InvoiceKind, type InvoiceSchema } from "#gen/souk/order/v1/invoice_pb.ts";
import type { OrderPaymentSchema } from "#gen/souk/order/v1/order_payment_pb.ts";
import { type RefundSchema, RefundState } from "#gen/souk/order/v1/refund_pb.ts";
import { ReturnReason, type ReturnSchema, ReturnState } from "#gen/souk/order/v1/return_pb.ts";
import { type ShipmentSchema, ShipmentState } from "#gen/souk/order/v1/shipment_pb.ts";
import { type TimelineEntrySchema, TimelineKind } from "#gen/souk/order/v1/timeline_pb.ts";
import { money } from "#kit/money.ts";
import { invoiceNumber } from "../documents/invoice.ts";
import type { StoredInvoice, StoredRefund, StoredReturn, StoredShipment } from "../order-parts.ts";
import type { StoredEntry } from "../timeline.ts";
import type { StoredPayment } from "./after-sale.ts";

/**
 * A shipment as callers and events tell it.
 *
 * @param shipment the shipment as stored
 * @param currency an ISO 4217 code
 */
export function toShipment(
  shipment: StoredShipment,
  currency: string,
): MessageInitShape<typeof ShipmentSchema> & object {
  return {
    id: shipment.id,
    lines: shipment.lines.map(({ lineId, quantity }) => ({ lineId, quantity: BigInt(quantity) })),
    state: ShipmentState[shipment.state],
    locationId: shipment.location_id,
    carrier: shipment.carrier,
    trackingNumber: shipment.tracking_number,
    trackingUri: shipment.tracking_uri,
    captured: money(shipment.captured, currency),
    etag: String(shipment.version),
    createTime: timestampFromDate(shipment.create_time),
    ...(shipment.delivery_time !== null && { deliveryTime: timestampFromDate(shipment.delivery_time) }),
  };
}

/**
 * A return as callers and events tell it.
 *
 * @param stored the return as stored
 */
export function toReturn(stored: StoredReturn): MessageInitShape<typeof ReturnSchema> & object {
  return {
    id: stored.id,
    orderId: stored.order_id,
    state: ReturnState[stored.state === "RECEIVING" ? "APPROVED" : stored.state],
    lines: stored.lines.map(({ lineId, quantity, restocked, writtenOff, reason }) => ({
      lineId,
      quantity: BigInt(quantity),
      restocked: BigInt(restocked),
      writtenOff: BigInt(writtenOff),
      reason: ReturnReason[reason],
    })),
    note: stored.note,
    instructions: stored.instructions,
    rejectReason: stored.reject_reason,
    refundId: stored.refund_id ?? "",
    exchangeOrderId: stored.exchange_order_id ?? "",
    etag: String(stored.version),
    createTime: timestampFromDate(stored.create_time),
    updateTime: timestampFromDate(stored.update_time),
  };
}

/**
 * A refund as callers and events tell it.
 *
 * @param refund the refund as stored
 * @param currency an ISO 4217 code
 */
export function toRefund(
  refund: StoredRefund,
  currency: string,
): MessageInitShape<typeof RefundSchema> & object {
  return {
    id: refund.id,
    state: RefundState[refund.state],
    amount: money(refund.amount, currency),
    lines: refund.lines.map(({ lineId, quantity, amount }) => ({
      lineId,
      quantity: BigInt(quantity),
      amount: money(BigInt(amount), currency),
    })),
    shipping: money(refund.shipping, currency),
    toStoreCredit: refund.to_store_credit,
    reason: refund.reason,
    createTime: timestampFromDate(refund.create_time),
    exchangeOrderId: refund.exchange_order_id ?? "",
  };
}

/**
 * What pays for an order as callers and events tell it.
 *
 * @param payment the payment as stored with the order
 * @param currency an ISO 4217 code
 */
export function toPayment(
  { paymentId, amount, captured, refunded, exchanged, restRefused = false }: StoredPayment,
  currency: string,
): MessageInitShape<typeof OrderPaymentSchema> & object {
  return {
    paymentId,
    amount: money(BigInt(amount), currency),
    captured: money(BigInt(captured), currency),
    refunded: money(BigInt(refunded), currency),
    exchanged,
    restRefused: restRefused && amount !== captured,
  };
}

/**
 * An invoice or credit note as callers are told of it.
 *
 * @param invoice the invoice as stored
 * @param currency an ISO 4217 code
 */
export function toInvoice(
  { id, kind, number, total, create_time }: StoredInvoice,
  currency: string,
): MessageInitShape<typeof InvoiceSchema> & object {
  return {
    id,
    kind: InvoiceKind[kind],
    number: invoiceNumber(kind, number),
    total: money(total, currency),
    createTime: timestampFromDate(create_time),
  };
}

/**
 * An entry of a timeline as callers are told of it.
 *
 * @param entry the entry as stored
 */
export function toEntry(entry: StoredEntry): MessageInitShape<typeof TimelineEntrySchema> & object {
  return {
    id: entry.id,
    kind: TimelineKind[entry.kind],
    text: entry.text,
    actorId: entry.actor_id,
    referenceId: entry.reference_id,
    visibleToCustomer: entry.visible_to_customer,
    createTime: timestampFromDate(entry.create_time),
  };
}
