import { type RawBuilder, sql } from "kysely";
import { uuidv7 } from "uuidv7";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import type { OrderDatabase, OrderSql, OrderTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { Seen } from "./cart-changes.ts";
import { CART_COLUMNS, isOf, type StoredCart, type StoredLine, toCart } from "./read-cart.ts";
import type { Owner } from "./shopper.ts";

const RETURNED = sql.join(CART_COLUMNS.map((column) => sql.ref(`c.${column}`)));

/**
 * Locks a cart for the rest of the transaction, marks it as changed, and makes it when its customer has none.
 * Every change of a cart begins with it, so that changes of one cart happen one after the other.
 *
 * @param tx the transaction
 * @param owner whose cart
 * @param currency the currency of a new one
 * @param version the version that it must have; any when left out
 * @throws SoukError CART_NOT_FOUND, or ETAG_MISMATCH when it has another version
 */
export async function touchCart(
  tx: OrderSql,
  owner: Owner,
  currency: string,
  version?: number,
): Promise<StoredCart> {
  const { rows } = await touching(owner, currency, versionIs(version)).execute(tx);
  const [row] = rows;
  if (row !== undefined) return toCart(row);
  throw await untouched(tx, owner);
}

/**
 * Why a cart could not be touched.
 *
 * @param db where to look
 * @param owner whose cart
 */
export async function untouched(db: OrderSql, owner: Owner): Promise<Error> {
  const { rows } = await sql`select from cart c where ${isOf(owner)}`.execute(db);
  if (rows.length === 0) return cartNotFound();
  return refuseMesh(
    MeshReason.ETAG_MISMATCH,
    "the cart was changed since it was read; read it again and repeat the change",
  );
}

/** The refusal of a token that opens no cart. */
export function cartNotFound() {
  return refuse(
    ErrorReason.CART_NOT_FOUND,
    "there is no such cart: the token is wrong, or the cart was merged or expired; make a new one",
  );
}

/**
 * Makes the cart of a customer who has none.
 *
 * @param db where
 * @param customerId whose cart
 * @param currency its currency
 */
export async function openCart(db: OrderSql, customerId: string, currency: string): Promise<StoredCart> {
  // The update changes nothing: it makes a cart that somebody else just made come back as well.
  const { rows } = await sql<CartRow>`
    insert into cart as c (id, customer_id, currency) values (${uuidv7()}, ${customerId}, ${currency})
    on conflict (customer_id) do update set currency = c.currency
    returning ${RETURNED}`.execute(db);
  return toCart(rows[0] as CartRow);
}

/** A change to a cart that is conditional on what it was when it was read. */
export interface Adding {
  readonly owner: Owner;
  /** The currency of a cart that is new or empty. */
  readonly currency: string;
  readonly item: Omit<StoredLine, "id">;
  /** The id of the line when there is none yet. */
  readonly newId: string;
  /** What its owner is told of the cart with it; as before when left out. */
  readonly seen?: Seen;
}

/** A cart, and a line of it. */
export interface CartWithLine {
  readonly cart: StoredCart;
  readonly line: StoredLine;
}

/**
 * Touches a cart, as touchCart does, and adds a quantity to the line with the same variant and note, or a line when
 * there is none.
 *
 * @param tx the transaction
 * @param adding what to add
 * @param version the version that the cart must have; any when left out
 * @throws SoukError CART_NOT_FOUND or ETAG_MISMATCH
 */
export async function addLine(tx: OrderSql, adding: Adding, version?: number): Promise<CartWithLine> {
  const { rows } = await addingLine(adding, versionIs(version)).execute(tx);
  const [row] = rows;
  if (row === undefined) throw await untouched(tx, adding.owner);
  return withItem(row, adding.item);
}

/**
 * Does what addLine does, with one statement and no transaction, if nobody has changed the cart.
 *
 * @param db order's database
 * @param scope the work
 * @param adding what to add
 * @param version the version that the cart had; 0 when there was none
 * @returns undefined, and nothing is added, when the cart has another version
 */
export async function addLineTo(
  db: OrderDatabase,
  scope: Scope,
  adding: Adding,
  version: number,
): Promise<CartWithLine | undefined> {
  const [row] = await db.change(scope, addingLine(adding, versionIs(version)).compile(db.sql));
  return row && withItem(row, adding.item);
}

type CartRow = Parameters<typeof toCart>[0];
type AddedRow = CartRow & { readonly line_id: string; readonly quantity: bigint };

function versionIs(version: number | undefined): RawBuilder<boolean> {
  return version === undefined ? sql`true` : sql`c.version = ${version}`;
}

/** What touching a cart sets; an empty one takes the currency that is asked for, when one is. */
function touching(
  owner: Owner,
  currency: string,
  condition: RawBuilder<boolean>,
  more: RawBuilder<unknown> = sql``,
) {
  const change = sql`set version = c.version + 1, update_time = now()${more}`;
  if ("tokenHash" in owner) {
    return sql<CartRow>`update cart c ${change} where ${isOf(owner)} and ${condition} returning ${RETURNED}`;
  }
  return sql<CartRow>`
    insert into cart as c (id, customer_id, currency) values (${uuidv7()}, ${owner.customerId}, ${currency})
    on conflict (customer_id) do update ${change} where ${condition}
    returning ${RETURNED}`;
}

function addingLine({ owner, currency, item, newId, seen }: Adding, condition: RawBuilder<boolean>) {
  const { variantId, quantity, note } = item;
  const more = sql`,
    currency = case when exists (select from cart_line l where l.cart_id = c.id) then c.currency else ${currency} end
    ${seen === undefined ? sql`` : sql`, seen = ${JSON.stringify(seen)}`}`;
  return sql<AddedRow>`
    with touched as (${touching(owner, currency, condition, more)}), added as (
      insert into cart_line (id, cart_id, variant_id, quantity, note)
      select ${newId}, id, ${variantId}, ${quantity}, ${note} from touched
      on conflict (cart_id, variant_id, note, saved) do update set quantity = cart_line.quantity + excluded.quantity
      returning id as line_id, quantity
    )
    select touched.*, added.* from touched, added`;
}

function withItem(row: AddedRow, item: Omit<StoredLine, "id">): CartWithLine {
  return { cart: toCart(row), line: { ...item, id: row.line_id, quantity: row.quantity } };
}

/**
 * Sets the quantity of a line.
 *
 * @param tx a transaction in which the cart is touched
 * @param cartId the cart
 * @param lineId the line
 * @param quantity how many; 0 removes the line
 * @returns whether the cart had the line
 */
export async function setQuantity(
  tx: OrderSql,
  cartId: string,
  lineId: string,
  quantity: bigint,
): Promise<boolean> {
  if (quantity === 0n) {
    const { numDeletedRows } = await tx
      .deleteFrom("cart_line")
      .where("id", "=", lineId)
      .where("cart_id", "=", cartId)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }
  const { numUpdatedRows } = await tx
    .updateTable("cart_line")
    .set({ quantity })
    .where("id", "=", lineId)
    .where("cart_id", "=", cartId)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/**
 * Removes every line of a cart that is not put aside.
 *
 * @param tx a transaction in which the cart is touched
 * @param cartId the cart
 */
export async function removeLines(tx: OrderSql, cartId: string): Promise<void> {
  await tx.deleteFrom("cart_line").where("cart_id", "=", cartId).where("saved", "=", false).execute();
}

/**
 * Locks a cart for the rest of the transaction.
 *
 * @param tx the transaction
 * @param owner whose cart
 */
export async function lockCart(tx: OrderSql, owner: Owner): Promise<void> {
  await sql`select from cart c where ${isOf(owner)} for update`.execute(tx);
}

/** The constraint that an order breaks when the cart that it is made of is no longer as it was read. */
export const CART_AS_READ = "cart_as_read";

/**
 * Counts an order that is made of a cart with the end of the transaction. Where somebody changed the cart since it was
 * read, or made an order of it, this breaks the constraint CART_AS_READ, and the transaction with it.
 *
 * @param tx the transaction
 * @param cart as it was read
 */
export function countOrder(tx: OrderTransaction, { id, version, ordersBegun }: StoredCart): void {
  tx.finishWith(
    (value) => `update cart set orders_begun = case
      when version = ${value(version)} and orders_begun = ${value(ordersBegun)} then orders_begun + 1 else -1 end
      where id = ${value(id)}`,
  );
}

/**
 * Marks a cart as changed, if it is still there.
 *
 * @param tx the transaction
 * @param cartId the cart
 */
export async function touchCartById(tx: OrderSql, cartId: string): Promise<void> {
  await sql`update cart set version = version + 1, update_time = now() where id = ${cartId}`.execute(tx);
}

/**
 * Takes what was ordered out of a cart with the end of a transaction; what was added since stays.
 *
 * @param tx a transaction in which the cart is touched
 * @param orderId the order
 */
export function takeOrderedLines(tx: OrderTransaction, orderId: string): void {
  const taken = (value: (value: unknown) => string) =>
    `order_line o where o.order_id = ${value(orderId)} and o.cart_line_id = l.id`;
  tx.finishWith((value) => `delete from cart_line l using ${taken(value)} and o.quantity >= l.quantity`);
  tx.finishWith(
    (value) =>
      `update cart_line l set quantity = l.quantity - o.quantity from ${taken(value)} and o.quantity < l.quantity`,
  );
}

/**
 * Takes the coupon codes that an order used out of its cart with the end of a transaction: where they may be used once,
 * they would stand in the way of the next order.
 *
 * @param tx a transaction in which the cart is touched
 * @param cartId the cart
 * @param codes the codes
 */
export function takeUsedCodes(tx: OrderTransaction, cartId: string, codes: readonly string[]): void {
  if (codes.length === 0) return;
  tx.finishWith(
    (value) => `update cart set coupon_codes = array(
        select code from unnest(coupon_codes) with ordinality as it (code, place)
        where code <> all(${value(codes)}::text[]) order by place)
      where id = ${value(cartId)}`,
  );
}
