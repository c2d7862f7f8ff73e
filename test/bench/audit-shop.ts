import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { Purchase } from "./buyers.ts";
import type { RunningShop } from "./running-shop.ts";
import { shopDatabase } from "./shop-database.ts";

/** What is wrong with the books of a shop; all of it should be 0. */
export interface Faults {
  /** Orders that were confirmed to customers and are not there. */
  readonly lost: number;
  /** Customers who never learnt what became of their order. */
  readonly undecided: number;
  /** Customers who have more than one order, or were told more than once. */
  readonly twice: number;
  /** Charges at the provider that stand without an order. */
  readonly chargedForNothing: number;
  /** Orders that stand without a charge. */
  readonly unpaid: number;
  /** Variants of which there is not as much as was not sold, or as the ledger says. */
  readonly stockOff: number;
  /** Orders of which no event reached who tells the customers, and events that are still to be sent. */
  readonly eventsMissing: number;
}

/** Looks into the books of a shop. */
export interface Auditor {
  /** Waits until nothing is under way any more, for a while only, and compares the books. */
  audit(purchases: readonly Purchase[]): Promise<Faults>;
  close(): Promise<void>;
}

const SERVICES = ["order", "payment", "inventory", "notification"] as const;
const SETTLED_WITHIN_MS = 20_000;
const LOOK_MS = 250;

interface Level {
  readonly variant: string;
  readonly available: number;
  readonly reserved: number;
  readonly ledger: boolean;
}

/**
 * Opens the books of a shop in which nobody has bought anything yet; waits until what it sells is in stock.
 *
 * @param shop the shop
 * @param variantIds what is going to be sold
 */
export async function openBooks(shop: RunningShop, variantIds: readonly string[]): Promise<Auditor> {
  const pools = Object.fromEntries(
    SERVICES.map((name) => [name, new pg.Pool({ connectionString: shopDatabase(shop, name), max: 2 })]),
  );
  const ask = async <Row extends object>(
    service: (typeof SERVICES)[number],
    sql: string,
    values?: unknown[],
  ) => ((await pools[service]?.query(sql, values))?.rows ?? []) as Row[];
  const count = async (service: (typeof SERVICES)[number], what: string) =>
    (await ask<{ n: number }>(service, `select count(*)::int as n from ${what}`))[0]?.n ?? 0;
  const levels = () =>
    ask<Level>(
      "inventory",
      `select variant_id as variant, available::int, reserved::int,
              (available, reserved) = (select sum(available_delta), sum(reserved_delta) from stock_movement m
                                        where m.variant_id = l.variant_id) as ledger
         from stock_level l where variant_id = any ($1)`,
      [variantIds],
    );

  await waitFor(SETTLED_WITHIN_MS, async () => {
    const stocked = await levels();
    return stocked.length === variantIds.length && stocked.every(({ available }) => available > 0);
  });
  const before = new Map((await levels()).map((level) => [level.variant, level]));

  async function isSettled(): Promise<boolean> {
    const sagas = await count("order", "mesh.saga where state in ('running', 'compensating')");
    const waiting = await Promise.all(SERVICES.map((name) => count(name, "mesh.outbox")));
    if (sagas + waiting.reduce((sum, n) => sum + n, 0) > 0) return false;
    const told = await count("notification", "notification where topic = 'order-confirmed'");
    return told >= (await count("order", "orders where state = 'CONFIRMED'"));
  }

  return {
    async audit(purchases) {
      await waitFor(SETTLED_WITHIN_MS, isSettled);
      const confirmed = await ask<{ id: string; customer: string }>(
        "order",
        "select id, customer_id as customer from orders where state = 'CONFIRMED'",
      );
      const sold = await ask<{ variant: string; quantity: number }>(
        "order",
        `select variant_id as variant, sum(quantity)::int as quantity
           from orders join order_line on order_id = orders.id where state = 'CONFIRMED' group by 1`,
      );
      const charges = await ask<{ order: string }>(
        "payment",
        `select idempotency_key as "order" from sandbox.charge where status in ('authorized', 'captured')`,
      );
      const told = await ask<{ order: string }>(
        "notification",
        `select subject_id as "order" from notification where topic = 'order-confirmed'`,
      );
      const waiting = await Promise.all(SERVICES.map((name) => count(name, "mesh.outbox")));
      const orders = new Set(confirmed.map(({ id }) => id));
      const charged = new Set(charges.map(({ order }) => order));
      const heard = new Set(told.map(({ order }) => order));
      const soldOf = new Map(sold.map(({ variant, quantity }) => [variant, quantity]));
      return {
        lost: purchases.filter(({ orderId }) => orderId !== undefined && !orders.has(orderId)).length,
        undecided: purchases.filter(({ orderId, refusal }) => (orderId ?? refusal) === undefined).length,
        twice:
          confirmed.length -
          new Set(confirmed.map(({ customer }) => customer)).size +
          told.length -
          heard.size,
        chargedForNothing: charges.filter(({ order }) => !orders.has(order)).length,
        unpaid: confirmed.filter(({ id }) => !charged.has(id)).length,
        stockOff: (await levels()).filter(({ variant, available, reserved, ledger }) => {
          const opening = before.get(variant);
          const quantity = soldOf.get(variant) ?? 0;
          const fits =
            available + quantity === opening?.available && reserved - quantity === opening?.reserved;
          return !ledger || !fits;
        }).length,
        eventsMissing:
          confirmed.filter(({ id }) => !heard.has(id)).length + waiting.reduce((sum, n) => sum + n, 0),
      };
    },
    async close() {
      await Promise.all(Object.values(pools).map((pool) => pool.end()));
    },
  };
}

async function waitFor(ms: number, holds: () => Promise<boolean>): Promise<void> {
  for (const until = performance.now() + ms; performance.now() < until; await delay(LOOK_MS)) {
    if (await holds()) return;
  }
}
