import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import type { Scope } from "#kit/scope.ts";
import type { OrderTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { Shop } from "../shop.ts";
import { changeCart } from "./cart.ts";
import { cartNotFound } from "./cart-rows.ts";
import { requireSold } from "./cart-rules.ts";
import { type PricedCart, priceCart } from "./price-cart.ts";
import { readCart } from "./read-cart.ts";
import { hashOf, newToken, type Shopper } from "./shopper.ts";

/** How many coupon codes a cart may have. */
export const MAX_COUPONS = 5;
/** When a merge that had to wait for an order is worth trying again, in ms. */
const RETRY_AFTER_MS = 1_000;

/**
 * Makes a cart for somebody who is not signed in. Its token is told now and kept nowhere.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param currency of its prices; "" for the shop's
 * @throws SoukError CURRENCY_NOT_SOLD
 */
export async function createGuestCart(
  shop: Shop,
  scope: Scope,
  currency: string,
): Promise<{ token: string; cart: PricedCart }> {
  requireSold(shop, currency);
  const token = newToken();
  const shopper: Shopper = { owner: { tokenHash: hashOf(token) }, cartToken: token, email: "", groups: [] };
  const making = shop.db.sql
    .insertInto("cart")
    .values({ id: uuidv7(), token_hash: hashOf(token), currency: currency || shop.currency, seen: sql`'{}'` })
    .returning("id");
  await shop.db.change(scope, making.compile());
  const state = await readCart(shop.db.sql, shopper.owner);
  if (state.cart === undefined) throw cartNotFound();
  const existing = { ...state, cart: state.cart };
  return { token, cart: await priceCart(shop, shop.db.sql, shopper, existing, { variants: new Map() }) };
}

/**
 * Moves the lines and coupons of a guest's cart into the cart of a customer; the lines that both have become one.
 * The same again changes nothing.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param customer whose cart takes them in
 * @param customerId the same
 * @param token of the guest's cart
 * @throws SoukError CART_NOT_FOUND, CART_TOO_LARGE, or CART_BEING_ORDERED while the guest's cart is being ordered
 */
export async function mergeCart(
  shop: Shop,
  scope: Scope,
  customer: Shopper,
  customerId: string,
  token: string,
): Promise<PricedCart> {
  return changeCart(shop, scope, customer, { version: undefined }, async (tx, cart) => {
    const { rows } = await sql<{
      id: string;
      currency: string;
      coupon_codes: string[];
      merged_into: string | null;
    }>`
      select id, currency, coupon_codes, merged_into from cart where token_hash = ${hashOf(token)} for update`.execute(
      tx.sql,
    );
    const [guest] = rows;
    if (guest === undefined || (guest.merged_into ?? customerId) !== customerId) throw cartNotFound();
    if (guest.merged_into !== null) return;
    await requireNotOrdered(tx, guest.id);
    await sql`
      update cart set
        currency = case when exists (select from cart_line where cart_id = cart.id) then currency
                        else ${guest.currency} end,
        coupon_codes = (select coalesce(array_agg(code order by at), '{}') from (
          select code, min(at) as at
          from unnest(coupon_codes || ${guest.coupon_codes}::text[]) with ordinality as t (code, at)
          group by code order by min(at) limit ${MAX_COUPONS}) as all_codes)
      where id = ${cart.id}`.execute(tx.sql);
    await moveLines(tx, guest.id, cart.id);
    await sql`
      update cart set merged_into = ${customerId}, version = version + 1, update_time = now()
      where id = ${guest.id}`.execute(tx.sql);
  });
}

/** What the customer's cart has already grows; all else moves there as it is, in its order. */
async function moveLines({ sql: db }: OrderTransaction, from: string, to: string): Promise<void> {
  await sql`
    with grown as (
      update cart_line l set quantity = l.quantity + g.quantity from cart_line g
      where l.cart_id = ${to} and g.cart_id = ${from}
        and (g.variant_id, g.note, g.saved) = (l.variant_id, l.note, l.saved)
      returning g.id
    )
    delete from cart_line using grown where cart_line.id = grown.id`.execute(db);
  await db.updateTable("cart_line").set({ cart_id: to }).where("cart_id", "=", from).execute();
}

async function requireNotOrdered({ sql: db }: OrderTransaction, cartId: string): Promise<void> {
  const { rows } = await sql`
    select from orders where cart_id = ${cartId} and state in ('PENDING', 'AWAITING_PAYMENT') limit 1`.execute(
    db,
  );
  if (rows.length === 0) return;
  throw refuse(
    ErrorReason.CART_BEING_ORDERED,
    "the guest's cart is just being ordered; merge it in a moment",
    { retryAfterMs: RETRY_AFTER_MS },
  );
}
