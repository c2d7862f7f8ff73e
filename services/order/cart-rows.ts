import { type RawBuilder, sql } from "kysely";
import { uuidv7 } from "uuidv7";
import type { Scope } from "#kit/scope.ts";
import type { OrderDatabase, OrderSql, OrderTransaction } from "./database.ts";

/** A cart without its lines. */
export interface StoredCart {
  readonly id: string;
  readonly currency: string;
  readonly version: number;
}

/** A line of a cart. */
export interface StoredLine {
  readonly id: string;
  readonly variantId: string;
  readonly quantity: bigint;
  readonly note: string;
}

/**
 * A customer's cart with its lines, in the order in which they were added.
 *
 * @param db where to read
 * @param customerId whose cart
 * @returns undefined while there is none
 */
export async function readCart(
  db: OrderSql,
  customerId: string,
): Promise<{ cart: StoredCart; lines: StoredLine[] } | undefined> {
  const { rows } = await sql<CartRow>`
    select c.id as cart_id, c.currency, c.version, l.id, l.variant_id as "variantId", l.quantity, l.note
    from cart c left join cart_line l on l.cart_id = c.id
    where c.customer_id = ${customerId} order by l.position`.execute(db);
  const [first] = rows;
  if (first === undefined) return undefined;
  const { cart_id: id, currency, version } = first;
  return {
    cart: { id, currency, version },
    lines: rows.filter((row): row is CartRow & StoredLine => row.id !== null),
  };
}

type CartRow = { cart_id: string; currency: string; version: number } & (
  | StoredLine
  | Record<keyof StoredLine, null>
);

/**
 * Locks a customer's cart for the rest of the transaction, marks it as changed, and makes it when there is none.
 * Every change of a cart begins with it, so that changes of one cart happen one after the other.
 *
 * @param tx the transaction
 * @param customerId whose cart
 * @param currency the currency of a new one
 */
export async function touchCart(tx: OrderSql, customerId: string, currency: string): Promise<StoredCart> {
  const { rows } = await sql<StoredCart>`
    insert into cart (id, customer_id, currency) values (${uuidv7()}, ${customerId}, ${currency})
    on conflict (customer_id) do update set version = cart.version + 1, update_time = now()
    returning id, currency, version`.execute(tx);
  return rows[0] as StoredCart;
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
  const { rows } = await sql<StoredCart>`
    insert into cart (id, customer_id, currency) values (${uuidv7()}, ${customerId}, ${currency})
    on conflict (customer_id) do update set currency = cart.currency
    returning id, currency, version`.execute(db);
  return rows[0] as StoredCart;
}

/** A cart, and a line of it. */
interface CartWithLine {
  readonly cart: StoredCart;
  readonly line: StoredLine;
}

/**
 * Touches a customer's cart, as touchCart does, and adds a quantity to the line with the same variant and note, or a
 * line when there is none.
 *
 * @param tx the transaction
 * @param customerId whose cart
 * @param currency the currency of a new cart
 * @param item what to add
 * @returns the cart, and the line as it is then
 */
export async function addLine(
  tx: OrderSql,
  customerId: string,
  currency: string,
  item: Omit<StoredLine, "id">,
): Promise<CartWithLine> {
  const { rows } = await addingLine(customerId, currency, item, sql`true`).execute(tx);
  return withItem(rows[0] as AddedRow, item);
}

/**
 * Does what addLine does, with one statement and no transaction, if nobody has changed the cart.
 *
 * @param db order's database
 * @param scope the work
 * @param customerId whose cart
 * @param currency the currency of a new cart
 * @param item what to add
 * @param version the version that the cart had; 0 when there was none
 * @returns undefined, and nothing is added, when the cart has another version
 */
export async function addLineTo(
  db: OrderDatabase,
  scope: Scope,
  customerId: string,
  currency: string,
  item: Omit<StoredLine, "id">,
  version: number,
): Promise<CartWithLine | undefined> {
  const adding = addingLine(customerId, currency, item, sql`cart.version = ${version}`);
  const [row] = await db.change(scope, adding.compile(db.sql));
  return row && withItem(row, item);
}

type AddedRow = { cart_id: string; currency: string; version: number; id: string; quantity: bigint };

function addingLine(
  customerId: string,
  currency: string,
  { variantId, quantity, note }: Omit<StoredLine, "id">,
  condition: RawBuilder<unknown>,
) {
  return sql<AddedRow>`
    with touched as (
      insert into cart (id, customer_id, currency) values (${uuidv7()}, ${customerId}, ${currency})
      on conflict (customer_id) do update set version = cart.version + 1, update_time = now() where ${condition}
      returning id, currency, version
    ), added as (
      insert into cart_line (id, cart_id, variant_id, quantity, note)
      select ${uuidv7()}, id, ${variantId}, ${quantity}, ${note} from touched
      on conflict (cart_id, variant_id, note) do update set quantity = cart_line.quantity + excluded.quantity
      returning id, quantity
    )
    select touched.id as cart_id, currency, version, added.id, quantity from touched, added`;
}

function withItem(
  { cart_id, currency, version, id, quantity }: AddedRow,
  item: Omit<StoredLine, "id">,
): CartWithLine {
  return { cart: { id: cart_id, currency, version }, line: { ...item, id, quantity } };
}

/**
 * The lines of a cart, in the order in which they were added.
 *
 * @param db where to read
 * @param cartId the cart
 */
export async function readLines(db: OrderSql, cartId: string): Promise<StoredLine[]> {
  return db
    .selectFrom("cart_line")
    .select(["id", "variant_id as variantId", "quantity", "note"])
    .where("cart_id", "=", cartId)
    .orderBy("position")
    .execute();
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
 * Removes every line of a cart.
 *
 * @param tx a transaction in which the cart is touched
 * @param cartId the cart
 */
export async function removeLines(tx: OrderSql, cartId: string): Promise<void> {
  await tx.deleteFrom("cart_line").where("cart_id", "=", cartId).execute();
}

/**
 * Locks a customer's cart for the rest of the transaction.
 *
 * @param tx the transaction
 * @param customerId whose cart
 * @returns undefined when there is none
 */
export async function lockCart(tx: OrderSql, customerId: string): Promise<StoredCart | undefined> {
  return tx
    .selectFrom("cart")
    .select(["id", "currency", "version"])
    .where("customer_id", "=", customerId)
    .forUpdate()
    .executeTakeFirst();
}

/**
 * The lines of a customer's cart without what PENDING orders hold of them.
 *
 * @param tx a transaction in which the cart is locked
 * @param customerId whose cart
 */
export async function orderableLines(tx: OrderSql, customerId: string): Promise<StoredLine[]> {
  const { rows } = await sql<StoredLine>`
    with held as (
      select cart_line_id, sum(quantity) as quantity
      from order_line join orders on orders.id = order_id
      where customer_id = ${customerId} and state = 'PENDING'
      group by cart_line_id
    )
    select l.id, l.variant_id as "variantId", l.note, (l.quantity - coalesce(held.quantity, 0))::bigint as quantity
    from cart c join cart_line l on l.cart_id = c.id left join held on held.cart_line_id = l.id
    where c.customer_id = ${customerId} and l.quantity > coalesce(held.quantity, 0)
    order by l.position`.execute(tx);
  return rows;
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
