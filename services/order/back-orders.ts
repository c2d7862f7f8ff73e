import { sql } from "kysely";
import type { Allocation } from "#gen/souk/inventory/v1/allocation_pb.ts";
import type { BackOrderFilled } from "#gen/souk/inventory/v1/events_pb.ts";
import { openPieces } from "./after-sale/pieces.ts";
import { tellAnew } from "./change-order.ts";
import type { OrderTransaction } from "./database.ts";
import type { OrderRow, StoredOrderLine } from "./order-parts.ts";

/** What the reservation of an order waits for. */
export type Waiting = {
  /** The variants of which some is yet to come into stock. */
  readonly variantIds: readonly string[];
  /** Of the reservation, so that what is told late does not take the place of what is newer. */
  readonly version: number;
};

/** What steps of sagas find out of stock for the end; left out where nothing waits or changed. */
export type FoundWaiting = { readonly waiting: Waiting };

/** What an order keeps of that. */
type KeptWaiting = Pick<OrderRow, "back_ordered" | "stock_version">;

/**
 * What a reservation waits for.
 *
 * @param held the reservation, as inventory answers
 */
export function waitingOf(held: {
  readonly allocations: readonly Allocation[];
  readonly version: number;
}): Waiting {
  const waiting = held.allocations.filter(({ backOrder }) => backOrder);
  return { variantIds: [...new Set(waiting.map(({ variantId }) => variantId))], version: held.version };
}

/**
 * Whether some of a line is yet to come into stock. Lines of one variant wait together.
 *
 * @param order the order
 * @param line a line of it
 */
export function isWaiting(
  { state, back_ordered }: Pick<OrderRow, "state" | "back_ordered">,
  line: StoredOrderLine,
): boolean {
  return state !== "CANCELLED" && back_ordered.includes(line.variant_id) && openPieces(line) > 0n;
}

/**
 * Keeps what an order waits for, unless something newer is known.
 *
 * @param tx the transaction that ends what reserved or changed its stock
 * @param orderId the order
 * @param waiting what it waits for
 * @returns what is known from then on
 */
export async function keepWaiting(
  tx: OrderTransaction,
  orderId: string,
  { variantIds, version }: Waiting,
): Promise<KeptWaiting> {
  const { rows } = await sql<KeptWaiting>`
    update orders set
      back_ordered = case when stock_version < ${version} then ${variantIds}::text[] else back_ordered end,
      stock_version = greatest(stock_version, ${version})
    where id = ${orderId} returning back_ordered, stock_version`.execute(tx.sql);
  return rows[0] as KeptWaiting;
}

/**
 * Notes that an order got goods that it waited for, also while it is still being placed.
 *
 * @param event what inventory told
 * @param tx the transaction of the event
 */
export async function noteFilled(
  { reservationId, waitingVariantIds, version }: BackOrderFilled,
  tx: OrderTransaction,
): Promise<void> {
  const { rows } = await sql`
    update orders set back_ordered = ${waitingVariantIds}::text[], stock_version = ${version}
    where id = ${reservationId} and stock_version < ${version} returning id`.execute(tx.sql);
  if (rows.length > 0) await tellAnew(tx, reservationId);
}
