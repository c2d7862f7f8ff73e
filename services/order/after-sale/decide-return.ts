import type { Scope } from "#kit/scope.ts";
import type { Owner } from "../cart/shopper.ts";
import { lockOrder, requireEtag, storeChange } from "../change-order.ts";
import type { OrderTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { StoredReturn } from "../order-parts.ts";
import { actorOf } from "../timeline.ts";
import type { ReturnState } from "./after-sale.ts";
import { giveUpGoods } from "./exchanges.ts";
import { letGo, lockReturn, returnConflict, storeReturn, tellOfReturn } from "./returns.ts";

/** From which state a return comes to another, and how that reads in the timeline. */
const STEPS = {
  APPROVED: { from: ["REQUESTED"], text: "The return was approved" },
  REJECTED: { from: ["REQUESTED", "APPROVED"], text: "The return was rejected" },
  CANCELLED: { from: ["REQUESTED", "APPROVED"], text: "The return was withdrawn" },
} as const satisfies Partial<Record<ReturnState, { from: readonly ReturnState[]; text: string }>>;

/** How a return is decided. */
export interface Decision {
  readonly id: string;
  readonly to: keyof typeof STEPS;
  /** Whose it must be, where a customer or guest decides. */
  readonly asker?: Owner;
  readonly instructions?: string;
  readonly rejectReason?: string;
  readonly etag?: string;
}

/**
 * Approves, rejects or withdraws a return. One that is so already stays as it is.
 *
 * @param tx the transaction
 * @param scope the call
 * @param decision how it is decided
 * @returns the return
 * @throws SoukError RETURN_NOT_FOUND, RETURN_STATE_CONFLICT, ETAG_MISMATCH, or ORDER_BEING_CHANGED where an order that
 *   replaces the goods is
 */
export async function decideReturn(
  tx: OrderTransaction,
  scope: Scope,
  { id, to, asker, instructions = "", rejectReason = "", etag = "" }: Decision,
): Promise<StoredReturn> {
  if (to === "REJECTED") await lockReplacement(tx, id);
  const { order, stored } = await lockReturn(tx, id, asker);
  if (stored.state === to) return stored;
  const { from, text } = STEPS[to];
  if (!(from as readonly ReturnState[]).includes(stored.state)) throw returnConflict(stored, from);
  requireEtag("return", stored, etag);
  if (to === "REJECTED") await giveUpGoods(tx, stored, actorOf(scope));
  if (to === "CANCELLED") requireNotExchanged(stored);
  if (to !== "APPROVED") await letGo(tx, stored);
  const decided = await storeReturn(tx, id, {
    state: to,
    ...(to === "APPROVED" && { instructions }),
    ...(to === "REJECTED" && { reject_reason: rejectReason }),
  });
  tellOfReturn(tx, await storeChange(tx, order.id), decided, actorOf(scope), text);
  return decided;
}

/** Before the order of the goods, as by who sends or cancels it. */
async function lockReplacement(tx: OrderTransaction, returnId: string): Promise<void> {
  const returned = await tx.sql
    .selectFrom("order_return")
    .select("exchange_order_id")
    .where("id", "=", returnId)
    .executeTakeFirst();
  if (returned?.exchange_order_id) await lockOrder(tx, returned.exchange_order_id);
}

/** Who sends goods back for others cannot keep both. */
function requireNotExchanged({ id, state, exchange_order_id }: StoredReturn): void {
  if (exchange_order_id === null) return;
  throw refuse(
    ErrorReason.RETURN_STATE_CONFLICT,
    `order ${exchange_order_id} replaces the goods of return ${id}; cancel that before it is sent, or send the goods back`,
    { metadata: { return_id: id, state, exchange_order_id } },
  );
}
