import { defineEntity, p } from "@mikro-orm/core";
import type { PaymentStateName } from "./states.ts";

/** What is to be paid, and how far that is. Tokens of cards are never stored. */
export const Payment = defineEntity({
  name: "Payment",
  tableName: "payment",
  properties: {
    /** Chosen by the caller: the id of the order or of its edit. It is the idempotency key at the provider, too. */
    id: p.uuid().primary(),
    state: p.text().$type<PaymentStateName>(),
    provider: p.text(),
    /** Null for a guest. */
    accountId: p.uuid().nullable(),
    /** Unknown where a payment was given up before it was asked for. */
    amountMinor: p.bigint().nullable(),
    currency: p.text().nullable(),
    /** What of the amount the card pays. Nearly all payments have no other part, so it stands here. */
    cardMinor: p.bigint().default(0),
    /** What of that is set aside and neither taken nor free again. */
    cardOpenMinor: p.bigint().default(0),
    cardCapturedMinor: p.bigint().default(0),
    cardRefundedMinor: p.bigint().default(0),
    /** What was taken from all parts. */
    capturedMinor: p.bigint().default(0),
    refundedMinor: p.bigint().default(0),
    providerChargeId: p.text().nullable(),
    declineReason: p.text().nullable(),
    /** Where its customer confirms it, while that is needed. */
    actionUri: p.text().nullable(),
    /** Until when its customer can confirm it, or the money is set aside; null when neither is so. */
    expireTime: p.datetime().nullable(),
    createTime: p.datetime().defaultRaw("now()"),
    updateTime: p.datetime().defaultRaw("now()"),
    /** When to look at the provider for something that we were not told of; null when all is known. */
    reconcileTime: p.datetime().nullable(),
  },
});

/** What pays beside the card: a gift card or store credit. */
export const PaymentPart = defineEntity({
  name: "PaymentPart",
  tableName: "payment_part",
  properties: {
    paymentId: p.uuid().primary(),
    /** From 1 on; the card is 0. */
    position: p.integer().primary(),
    kind: p.text().$type<"GIFT_CARD" | "STORE_CREDIT">(),
    /** The gift card, or the account. */
    holderId: p.uuid(),
    label: p.text(),
    amountMinor: p.bigint(),
    openMinor: p.bigint(),
    capturedMinor: p.bigint().default(0),
    refundedMinor: p.bigint().default(0),
  },
});

/** Money that is taken or given back; stored before the provider is asked for it. */
export const PaymentMovement = defineEntity({
  name: "PaymentMovement",
  tableName: "payment_movement",
  properties: {
    /** Chosen by the caller. It is the idempotency key at the provider, too. */
    id: p.uuid().primary(),
    kind: p.text().$type<"CAPTURE" | "REFUND">().primary(),
    paymentId: p.uuid(),
    seq: p.bigint().autoincrement(),
    state: p.text().$type<"PENDING" | "SUCCEEDED" | "FAILED">(),
    amountMinor: p.bigint(),
    /** What of it comes from which part, by position, the card first. */
    split: p.json<bigint[]>(),
    toStoreCredit: p.boolean().default(false),
    reason: p.text().default(""),
    failureReason: p.text().default(""),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

/** The books: an amount that goes from one account to another. Those of one entry belong together. */
export const LedgerTransfer = defineEntity({
  name: "LedgerTransfer",
  tableName: "ledger_transfer",
  properties: {
    entryId: p.uuid().primary(),
    position: p.smallint().primary(),
    paymentId: p.uuid().nullable(),
    referenceId: p.uuid(),
    description: p.text(),
    debitAccount: p.text(),
    creditAccount: p.text(),
    amountMinor: p.bigint(),
    currency: p.text(),
    /** The gift card, or the account, whose balance it changes. */
    holderId: p.uuid().nullable(),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

/** Money paid in advance. Its code is kept as a hash alone. */
export const GiftCard = defineEntity({
  name: "GiftCard",
  tableName: "gift_card",
  properties: {
    id: p.uuid().primary(),
    codeHash: p.blob(),
    codeSuffix: p.text(),
    amountMinor: p.bigint(),
    balanceMinor: p.bigint(),
    currency: p.text(),
    expireTime: p.datetime().nullable(),
    disableTime: p.datetime().nullable(),
    disableReason: p.text().nullable(),
    createTime: p.datetime().defaultRaw("now()"),
    seq: p.bigint().autoincrement(),
  },
});

/** What the shop owes a customer in one currency. */
export const StoreCredit = defineEntity({
  name: "StoreCredit",
  tableName: "store_credit",
  properties: {
    accountId: p.uuid().primary(),
    currency: p.text().primary(),
    balanceMinor: p.bigint(),
  },
});

/** What providers told of their own accord. */
export const WebhookEvent = defineEntity({
  name: "WebhookEvent",
  tableName: "webhook_event",
  properties: {
    provider: p.text().primary(),
    id: p.text().primary(),
    type: p.text(),
    paymentId: p.uuid().nullable(),
    receiveTime: p.datetime().defaultRaw("now()"),
    /** Null while it is not known to have taken effect. */
    handleTime: p.datetime().nullable(),
  },
});

/** What comparing our books with a provider's came to. */
export const ReconciliationReport = defineEntity({
  name: "ReconciliationReport",
  tableName: "reconciliation_report",
  properties: {
    id: p.uuid().primary(),
    seq: p.bigint().autoincrement(),
    provider: p.text(),
    startTime: p.datetime(),
    endTime: p.datetime(),
    compared: p.bigint(),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

/** Something on which the books differ. */
export const ReconciliationDifference = defineEntity({
  name: "ReconciliationDifference",
  tableName: "reconciliation_difference",
  properties: {
    id: p.uuid().primary(),
    reportId: p.uuid(),
    seq: p.bigint().autoincrement(),
    kind: p.text().$type<"MISSING_HERE" | "MISSING_THERE" | "AMOUNT" | "STATE" | "CURRENCY">(),
    paymentId: p.uuid().nullable(),
    providerChargeId: p.text().nullable(),
    oursMinor: p.bigint().nullable(),
    oursCurrency: p.text().nullable(),
    theirsMinor: p.bigint().nullable(),
    theirsCurrency: p.text().nullable(),
    resolution: p.text().nullable(),
    resolveTime: p.datetime().nullable(),
  },
});

/** The books of the sandbox provider, which nothing but the sandbox reads or writes. */
export const SandboxCharge = defineEntity({
  name: "SandboxCharge",
  tableName: "charge",
  schema: "sandbox",
  properties: {
    id: p.text().primary(),
    idempotencyKey: p.text().unique(),
    amountMinor: p.bigint(),
    currency: p.text(),
    status: p
      .text()
      .$type<"action_required" | "authorized" | "partially_captured" | "captured" | "voided" | "declined">(),
    declineReason: p.text().nullable(),
    /** What its customer does when asked to confirm; null where nobody asks. */
    customer: p.text().$type<"confirms" | "refuses" | "waits">().nullable(),
    returnUri: p.text().nullable(),
    refundsFail: p.boolean().default(false),
    capturedMinor: p.bigint().default(0),
    refundedMinor: p.bigint().default(0),
    expireTime: p.datetime().nullable(),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

/** What the sandbox took or gave back. */
export const SandboxMovement = defineEntity({
  name: "SandboxMovement",
  tableName: "movement",
  schema: "sandbox",
  properties: {
    idempotencyKey: p.text().primary(),
    chargeId: p.text(),
    kind: p.text().$type<"capture" | "refund">(),
    amountMinor: p.bigint(),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

export const entities = [
  Payment,
  PaymentPart,
  PaymentMovement,
  LedgerTransfer,
  GiftCard,
  StoreCredit,
  WebhookEvent,
  ReconciliationReport,
  ReconciliationDifference,
  SandboxCharge,
  SandboxMovement,
] as const;
