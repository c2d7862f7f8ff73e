import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { money } from "#kit/money.ts";
import type { Step } from "#kit/saga/define-saga.ts";
import { type FoundWaiting, waitingOf } from "../back-orders.ts";
import type { StoredOrder } from "../order-parts.ts";
import type { Shop } from "../shop.ts";
import { paymentError, stockError } from "../translate-error.ts";

/** A number of a variant. */
export type Quantity = { readonly variantId: string; readonly quantity: bigint };

/** What a change of an order needs in addition; the saga's id is that of its reservation and of its payment. */
export type Needs = {
  readonly stock: readonly Quantity[];
  /** How much money, in minor units; none where 0. */
  readonly missing: bigint;
  readonly currency: string;
  /** Of the card that pays it; forgotten with the saga's input when it ends. */
  readonly token: string;
  /** The customer; "" for a guest. */
  readonly accountId: string;
  /** How long the stock is set aside, in ms. */
  readonly reservationMs: number;
};

/**
 * What a change of an order needs in addition, for a saga.
 *
 * @param shop what orders are handled with
 * @param order the order
 * @param stock what it needs of which variant
 * @param missing how much money it needs, in minor units
 * @param token of the card that pays it
 */
export function needsOf(
  shop: Shop,
  { currency, customer_id }: Pick<StoredOrder, "currency" | "customer_id">,
  stock: readonly Quantity[],
  missing: bigint,
  token: string,
): Needs {
  // What is not needed is not kept.
  const card = missing > 0n ? token : "";
  return {
    stock,
    missing,
    currency,
    token: card,
    accountId: customer_id ?? "",
    reservationMs: shop.reservationMs,
  };
}

/** Sets stock aside that an order needs in addition. The times leave the caller an answer within 10 s. */
export const reserveStock: Step<Needs, FoundWaiting> = {
  name: "reserve-stock",
  timeoutMs: 2_500,
  attempts: 2,
  async run({ sagaId, input: { stock, reservationMs }, scope }) {
    if (stock.length === 0) return undefined;
    const request = { reservationId: sagaId, lines: [...stock], ttl: durationFromMs(reservationMs) };
    return { waiting: waitingOf(await scope.mesh(InventoryService).reserveStock(request).catch(stockError)) };
  },
  async undo({ sagaId, input: { stock }, scope }) {
    if (stock.length === 0) return;
    await scope.mesh(InventoryService).releaseReservation({ reservationId: sagaId });
  },
};

/** Sets money aside that an order needs in addition. */
export const authorizePayment: Step<Needs, FoundWaiting> = {
  name: "authorize-payment",
  timeoutMs: 3_500,
  attempts: 2,
  async run({ sagaId, input: { missing, currency, token, accountId }, scope }) {
    if (missing === 0n) return undefined;
    const request = { paymentId: sagaId, amount: money(missing, currency), token, accountId };
    await scope.mesh(PaymentService).authorizePayment(request).catch(paymentError);
    return undefined;
  },
  async undo({ sagaId, input: { missing }, scope }) {
    if (missing > 0n) await scope.mesh(PaymentService).voidPayment({ paymentId: sagaId });
  },
};
