import { sql } from "kysely";
import { plannedEachTime } from "#kit/data/planned-each-time.ts";
import { uuidBefore } from "#kit/data/uuid-before.ts";
import type { OrderSql } from "./database.ts";
import { type StoredOrder, withParts } from "./order-parts.ts";
import type { OrderState } from "./order-state.ts";

/** Which orders staff wants to see; what is left out does not matter. */
export interface OrderFilter {
  readonly states?: readonly OrderState[];
  readonly customerId?: string;
  /** What number, e-mail address or recipient begin with. */
  readonly query?: string;
  readonly from?: Date;
  readonly until?: Date;
}

/** By how much the clocks of two machines may differ, in ms. */
const CLOCKS_APART_MS = 3_600_000;

/** Ids tell the time, so that the list need not begin long before or after the time asked for. */
function idAt(time: Date, offsetMs: number): string {
  return uuidBefore(time.getTime() + offsetMs);
}

/**
 * Orders of all customers, the newest first.
 *
 * @param db where to read
 * @param filter which
 * @param limit how many at most
 * @param before the order after which to go on; from the newest when left out
 */
export async function listOrders(
  db: OrderSql,
  { states = [], customerId, query = "", from, until }: OrderFilter,
  limit: number,
  before?: string,
): Promise<StoredOrder[]> {
  const begins = `${query.trim().replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  // PostgreSQL writes some letters small otherwise than JavaScript does.
  const lower = sql<string>`lower(${begins})`;
  const byState = states.length === 1 && customerId === undefined && begins === "%";
  // Ids are made in the order of time.
  const rows = await db
    .selectFrom("orders")
    .modifyFront(plannedEachTime)
    .selectAll()
    .$if(states.length > 0 && !byState, (select) =>
      select.where("state", "=", sql<OrderState>`any(${states})`),
    )
    // The orders in a state may all be old: only the index on it has the order that is asked for here, which an
    // equation would hide.
    .$if(byState, (select) =>
      select
        .where("state", ">=", states[0] as OrderState)
        .where("state", "<=", states[0] as OrderState)
        .orderBy("state"),
    )
    .$if(customerId !== undefined, (select) => select.where("customer_id", "=", customerId as string))
    .$if(from !== undefined, (select) =>
      select.where("create_time", ">=", from as Date).where("id", ">=", idAt(from as Date, -CLOCKS_APART_MS)),
    )
    .$if(until !== undefined, (select) =>
      select.where("create_time", "<", until as Date).where("id", "<", idAt(until as Date, CLOCKS_APART_MS)),
    )
    .$if(before !== undefined, (select) => select.where("id", "<", before as string))
    .$if(begins !== "%", (select) =>
      select.where((where) =>
        where.or([
          where("number", "like", begins.toUpperCase()),
          where(sql`lower(email)`, "like", lower),
          where(sql`lower(shipping_address ->> 'name')`, "like", lower),
        ]),
      ),
    )
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
  return withParts(db, rows);
}

/**
 * Orders of a customer, the newest first.
 *
 * @param db where to read
 * @param customerId whose
 * @param limit how many at most
 * @param before the order after which to go on; from the newest when left out
 */
export async function listOrdersOf(
  db: OrderSql,
  customerId: string,
  limit: number,
  before?: string,
): Promise<StoredOrder[]> {
  // Ids are made in the order of time.
  const orders = await db
    .selectFrom("orders")
    .selectAll()
    .where("customer_id", "=", customerId)
    .$if(before !== undefined, (query) => query.where("id", "<", before as string))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
  return withParts(db, orders);
}
