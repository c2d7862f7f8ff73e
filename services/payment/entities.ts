import { defineEntity, p } from "@mikro-orm/core";
import type { PaymentStateName } from "./states.ts";

/** What is to be paid, and how far that is. Tokens of cards are never stored. */
export const Payment = defineEntity({
  name: "Payment",
  tableName: "payment",
  properties: {
    /** Chosen by the caller: the id of the order. It is the idempotency key at the provider, too. */
    id: p.uuid().primary(),
    state: p.text().$type<PaymentStateName>(),
    /** Unknown where a payment was given up before it was asked for. */
    amountMinor: p.bigint().nullable(),
    currency: p.text().nullable(),
    providerChargeId: p.text().nullable(),
    declineReason: p.text().nullable(),
    createTime: p.datetime().defaultRaw("now()"),
    updateTime: p.datetime().defaultRaw("now()"),
    /** When to look at the provider for a charge that we were not told of; null when all is known. */
    reconcileTime: p.datetime().nullable(),
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
    status: p.text().$type<"authorized" | "captured" | "voided" | "declined">(),
    declineReason: p.text().nullable(),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

export const entities = [Payment, SandboxCharge] as const;
