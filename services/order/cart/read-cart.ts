import { type RawBuilder, sql } from "kysely";
import type { OrderSql } from "../database.ts";
import type { Seen } from "./cart-changes.ts";
import type { Owner } from "./shopper.ts";

/** A cart without its lines. */
export interface StoredCart {
  readonly id: string;
  readonly currency: string;
  readonly version: number;
  /** How many orders were made of it, whatever became of them. */
  readonly ordersBegun: number;
  readonly couponCodes: readonly string[];
  /** What its owner was told of it. */
  readonly seen: Seen;
  readonly updateTime: Date;
}

/** A line of a cart. */
export interface StoredLine {
  readonly id: string;
  readonly variantId: string;
  readonly quantity: bigint;
  readonly note: string;
}

/** A promotion that a cart may get. */
export interface Candidate {
  readonly id: string;
  readonly version: number;
  /** The code of the cart that brings it; "" for an automatic one. */
  readonly code: string;
  /** Whether it was used as often as it may be: in all, or by this customer; "" while it was not. */
  readonly usedUp: "" | "in all" | "by customer";
}

/** A cart with all that its price follows from but the prices. */
export interface CartState {
  /** Undefined while there is none. */
  readonly cart: StoredCart | undefined;
  /** In the order in which they were added. */
  readonly lines: readonly StoredLine[];
  /** Those that are put aside. */
  readonly saved: readonly StoredLine[];
  /** Automatic promotions in force, and those of the cart's coupon codes. */
  readonly candidates: readonly Candidate[];
  /** Whether its customer has no order yet; never for a guest. */
  readonly isNew: boolean;
  /** In which groups staff put its customer, or who signed in and asks for a guest's; none for others. */
  readonly groups: readonly string[];
}

/** How to read a cart. */
export interface ReadCartOptions {
  /** Without what orders hold of its lines that are not certain yet. */
  readonly withoutHeld?: boolean;
  /** Under which the uses of promotions by a customer are counted; the owner's when left out. */
  readonly customerKey?: string;
}

/**
 * A cart, with one statement.
 *
 * @param db where to read
 * @param owner whose
 * @param options how
 */
export async function readCart(
  db: OrderSql,
  owner: Owner,
  { withoutHeld = false, customerKey = customerKeyOf(owner) }: ReadCartOptions = {},
): Promise<CartState> {
  const { rows } = await sql<Row>`
    select c.id as cart_id, c.currency, c.version, c.orders_begun, c.coupon_codes, c.seen, c.update_time,
           l.id, l.variant_id, ${withoutHeld ? UNHELD : sql`l.quantity`} as quantity, l.note, l.saved,
           case when row_number() over (order by l.position) = 1 then (${candidatesFor(customerKey)}) end as candidates,
           ${isNew(owner)} as is_new, ${keptGroups(owner)} as groups
    from (select) as one left join cart c on ${isOf(owner)} left join cart_line l on l.cart_id = c.id
    order by l.position`.execute(db);
  const [first] = rows as [Row];
  const lines = rows.filter(({ id, quantity }) => id !== null && quantity > 0n);
  return {
    cart: first.cart_id === null ? undefined : toCart({ ...first, id: first.cart_id }),
    lines: lines.filter(({ saved }) => !saved).map(toLine),
    saved: lines.filter(({ saved }) => saved).map(toLine),
    candidates: first.candidates ?? [],
    isNew: first.is_new,
    groups: first.groups ?? [],
  };
}

/**
 * The condition that the cart `c` is of somebody. A guest's cart that was merged is nobody's any more.
 *
 * @param owner who
 */
export function isOf(owner: Owner): RawBuilder<boolean> {
  return "customerId" in owner
    ? sql`c.customer_id = ${owner.customerId}`
    : sql`c.token_hash = ${owner.tokenHash} and c.merged_into is null`;
}

/**
 * Under what the uses of promotions by an owner of carts are counted.
 *
 * @param owner who
 */
export function customerKeyOf(owner: Owner): string {
  return "customerId" in owner ? owner.customerId : "";
}

interface CartColumns {
  readonly id: string;
  readonly currency: string;
  readonly version: number;
  readonly orders_begun: number;
  readonly coupon_codes: readonly string[];
  readonly seen: Seen;
  readonly update_time: Date;
}

/** The columns of a cart as toCart takes them. */
export const CART_COLUMNS = [
  "id",
  "currency",
  "version",
  "orders_begun",
  "coupon_codes",
  "seen",
  "update_time",
] as const;

/**
 * A cart of its columns.
 *
 * @param columns the columns
 */
export function toCart({ orders_begun, coupon_codes, update_time, ...columns }: CartColumns): StoredCart {
  const { id, currency, version, seen } = columns;
  return {
    id,
    currency,
    version,
    ordersBegun: orders_begun,
    couponCodes: coupon_codes,
    seen,
    updateTime: update_time,
  };
}

interface Row extends Omit<CartColumns, "id"> {
  readonly cart_id: string | null;
  readonly id: string;
  readonly variant_id: string;
  readonly quantity: bigint;
  readonly note: string;
  readonly saved: boolean;
  readonly candidates: readonly Candidate[] | null;
  readonly is_new: boolean;
  readonly groups: readonly string[] | null;
}

function toLine({ id, variant_id, quantity, note }: Row): StoredLine {
  return { id, variantId: variant_id, quantity, note };
}

const UNHELD = sql`
  l.quantity - coalesce((select sum(o.quantity) from orders join order_line o on o.order_id = orders.id
    where orders.cart_id = c.id and orders.state in ('PENDING', 'AWAITING_PAYMENT') and o.cart_line_id = l.id), 0)::bigint`;

function isNew(owner: Owner): RawBuilder<boolean> {
  if ("tokenHash" in owner) return sql`false`;
  return sql`not exists (select from orders where customer_id = ${owner.customerId} and state <> 'CANCELLED')`;
}

function keptGroups(owner: Owner): RawBuilder<readonly string[] | null> {
  // Who signed in and has not merged the cart yet is a customer all the same.
  const customerId = "customerId" in owner ? owner.customerId : owner.signedInId;
  if (customerId === undefined) return sql`null`;
  return sql`(select groups from customer_groups where customer_id = ${customerId})`;
}

function candidatesFor(customerKey: string): RawBuilder<readonly Candidate[]> {
  return sql`
    select jsonb_agg(jsonb_build_object('id', p.id, 'version', p.version, 'code', may.code, 'usedUp', case
      when p.usage_limit > 0 and p.used >= p.usage_limit then 'in all'
      when p.usage_limit_per_customer > 0 and exists (
        select from promotion_customer u where u.promotion_id = p.id and u.customer_key = ${customerKey}
          and u.used >= p.usage_limit_per_customer) then 'by customer'
      else '' end))
    from (select id, '' as code from promotion where automatic
          union all
          select promotion_id, min(code) from promotion_code where code = any(c.coupon_codes)
          group by promotion_id) as may
    join promotion p on p.id = may.id
    where p.start_time <= now() and (p.end_time is null or p.end_time > now())`;
}
