import type { InvoiceKind } from "#gen/souk/order/v1/invoice_pb.ts";
import type { ReturnReason } from "#gen/souk/order/v1/return_pb.ts";
import type { TimelineKind } from "#gen/souk/order/v1/timeline_pb.ts";
import type { StoredDiscount, StoredTax } from "../stored-totals.ts";

/** What happened to an order, as the contract names it. */
export type TimelineKindName = Exclude<keyof typeof TimelineKind, "UNSPECIFIED">;
/** What an invoice does, as the contract names it. */
export type InvoiceKindName = Exclude<keyof typeof InvoiceKind, "UNSPECIFIED">;
/** Why goods come back, as the contract names it. */
export type ReturnReasonName = Exclude<keyof typeof ReturnReason, "UNSPECIFIED">;

/**
 * How far a return is. RECEIVING is one whose goods are back, while they are booked; callers are told that it is
 * APPROVED until then.
 */
export type ReturnState = "REQUESTED" | "APPROVED" | "RECEIVING" | "RECEIVED" | "REJECTED" | "CANCELLED";

/** A number of a line, in a JSON column; numbers are decimal texts there. */
export interface StoredPieces {
  readonly lineId: string;
  readonly quantity: string;
}

/** What pays for an order: a payment, or the part of one that is the order's. */
export interface StoredPayment {
  readonly paymentId: string;
  readonly amount: string;
  /** What was taken of that for what was sent, and what was given back or is being. */
  readonly captured: string;
  readonly refunded: string;
  /** Whether it was taken for goods of another order, which come back: payment has nothing left to take. */
  readonly exchanged: boolean;
  /** Whether the provider refused to give back what of it the order does not need; false when left out. */
  readonly restRefused?: boolean;
}

/** What a refund gives back of a payment, and under which id. */
export interface StoredShare {
  readonly paymentId: string;
  readonly movementId: string;
  readonly amount: string;
  /** How much of that is the rest of an exchange; nothing when left out. */
  readonly rest?: string;
}

/** What a refund gives back for a line. */
export interface StoredRefundLine extends StoredPieces {
  readonly amount: string;
}

/** What comes back of a line. */
export interface StoredReturnLine extends StoredPieces {
  readonly restocked: string;
  readonly writtenOff: string;
  readonly reason: ReturnReasonName;
}

/** What is printed on an invoice beside what its order says for good. */
export interface InvoiceContent {
  readonly items: readonly InvoiceItem[];
  /** What promotions take off the items; absent where nothing is said of that. */
  readonly discounts?: readonly StoredDiscount[];
  readonly taxes: readonly StoredTax[];
}

/** A line of an invoice. */
export interface InvoiceItem {
  readonly title: string;
  readonly sku: string;
  /** Empty where nothing is counted. */
  readonly quantity: string;
  /** What one costs; absent where nothing is counted, or the item is money that is given back. */
  readonly unitPrice?: string;
  /** Before discounts and taxes that come on top; absent where that is the total. */
  readonly subtotal?: string;
  readonly total: string;
}
