import { sql } from "kysely";
import type { Scope } from "#kit/scope.ts";
import type { OrderSql } from "../database.ts";
import type { Shop } from "../shop.ts";
import { changeCart, lineNotFound } from "./cart.ts";
import type { PricedCart } from "./price-cart.ts";
import type { Shopper } from "./shopper.ts";

/** Which line to move, and where it shall be. */
export interface Move {
  readonly lineId: string;
  /** Whether it shall be put aside. */
  readonly saved: boolean;
  /** The version that the cart must have; any when left out. */
  readonly version: number | undefined;
}

/**
 * Puts a line of a cart aside, or takes it back. A line that is there already with the same variant and note takes
 * it in.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param shopper whose cart
 * @param move which line
 * @throws SoukError LINE_NOT_FOUND, CART_TOO_LARGE, CART_NOT_FOUND or ETAG_MISMATCH
 */
export async function moveLine(
  shop: Shop,
  scope: Scope,
  shopper: Shopper,
  { lineId, saved, version }: Move,
): Promise<PricedCart> {
  return changeCart(shop, scope, shopper, { version, ownLine: lineId }, async (tx, { id: cartId }) => {
    const { rows } = await sql<{ saved: boolean }>`
      select saved from cart_line where id = ${lineId} and cart_id = ${cartId}`.execute(tx.sql);
    const [line] = rows;
    if (line === undefined) throw lineNotFound(lineId);
    if (line.saved !== saved && !(await takenIn(tx.sql, lineId))) {
      await tx.sql.updateTable("cart_line").set({ saved }).where("id", "=", lineId).execute();
    }
  });
}

/** Whether a line of the other kind took a line in. */
async function takenIn(tx: OrderSql, lineId: string): Promise<boolean> {
  const { rows } = await sql`
    with moved as (select * from cart_line where id = ${lineId}), taken as (
      update cart_line l set quantity = l.quantity + moved.quantity from moved
      where l.cart_id = moved.cart_id and l.variant_id = moved.variant_id and l.note = moved.note
        and l.saved <> moved.saved
      returning l.id
    )
    delete from cart_line using taken where cart_line.id = ${lineId} returning cart_line.id`.execute(tx);
  return rows.length > 0;
}
