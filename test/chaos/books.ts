import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect as connectNats } from "@nats-io/transport-node";
import { eventually } from "../eventually.ts";
import type { Teardown } from "../stores.ts";
import type { Shop } from "./shop.ts";

/** What the services keep about an order, each in its own database. */
export interface Books {
  readonly order: string;
  /** Undefined where no stock was ever set aside. */
  readonly reservation: string | undefined;
  /** Undefined where no payment was ever asked for. */
  readonly payment: string | undefined;
  /** Every charge at the provider, by status. */
  readonly charges: readonly string[];
  /** What the customer was told of the order, and by mail. */
  readonly told: readonly string[];
  readonly mails: number;
  /** How many promotions it uses. */
  readonly uses: number;
  /** What is available and reserved of the variant. */
  readonly level: readonly [available: number, reserved: number];
}

/** Reads the books of a shop. Its orders are those of the shop's own order service unless another database is named. */
export interface Auditor {
  /** Waits until nothing of order's is under way any more: sagas, events and who heeds them. */
  settled(orderDatabase?: string): Promise<void>;
  /**
   * What the books say of an order, each for itself.
   *
   * @throws Error when the level of the variant is not the sum of its ledger, or a promotion does not count its uses
   */
  read(orderId: string, variantId: string, orderDatabase?: string): Promise<Books>;
  /**
   * Waits until everything is settled, and compares the books of all orders: each is CONFIRMED, with its stock, one
   * charge and one notification, or CANCELLED without any of them.
   *
   * @param variantId what all of them are of
   * @param stock how much there was of it
   * @returns how many orders are CONFIRMED and CANCELLED
   * @throws Error that shows where they differ
   */
  agree(variantId: string, stock: number): Promise<{ confirmed: number; cancelled: number }>;
}

const CONFIRMED: Partial<Books> = {
  order: "CONFIRMED",
  reservation: "COMMITTED",
  payment: "AUTHORIZED",
  charges: ["authorized"],
  told: ["order-confirmed"],
  mails: 1,
  uses: 0,
};

/**
 * Opens the books of a shop.
 *
 * @param t the test after which they are closed
 * @param shop the shop
 */
export async function openBooks(t: Teardown, shop: Shop): Promise<Auditor> {
  const { SOUK_NATS_URL, SOUK_EVENT_NAMESPACE } = shop.env() as {
    SOUK_NATS_URL: string;
    SOUK_EVENT_NAMESPACE: string;
  };
  const nats = await connectNats({ servers: SOUK_NATS_URL });
  t.teardown(() => nats.close());
  const manager = await jetstreamManager(nats);
  const stream = `${SOUK_EVENT_NAMESPACE}-order`;

  async function count(database: string, table: string): Promise<number> {
    const [row] = await shop.ask<{ n: number }>(database, `select count(*)::int as n from ${table}`);
    return row?.n ?? 0;
  }

  const auditor: Auditor = {
    settled: (orderDatabase = "order") =>
      eventually(async () => {
        assert.equal(
          await count(orderDatabase, "mesh.saga where state in ('running', 'compensating')"),
          0,
          "sagas",
        );
        assert.equal(await count(orderDatabase, "mesh.outbox"), 0, "events on their way");
        const { num_pending, num_ack_pending } = await manager.consumers.info(stream, "notification");
        assert.equal(num_pending + num_ack_pending, 0, "events that notification has yet to heed");
      }),

    async read(orderId, variantId, orderDatabase = "order") {
      const all = async (database: string, sql: string) =>
        (await shop.ask<{ it: string }>(database, sql, [orderId])).map(({ it }) => it);
      const [orders, reservations, payments, charges, told, mails, uses, promotions, levels] =
        await Promise.all([
          all(orderDatabase, "select state as it from orders where id = $1"),
          all("inventory", "select state as it from reservation where id = $1"),
          all("payment", "select state as it from payment where id = $1"),
          all("payment", "select status as it from sandbox.charge where idempotency_key = $1"),
          all("notification", "select topic as it from notification where subject_id = $1 order by id"),
          all(
            "notification",
            "select delivery.id as it from delivery join notification using (event_id) where subject_id = $1 and channel = 'EMAIL'",
          ),
          all(orderDatabase, "select promotion_id as it from promotion_use where order_id = $1"),
          shop.ask<{ it: string; used: number; uses: number }>(
            orderDatabase,
            `select id as it, used::int, (select count(*) from promotion_use where promotion_id = id and counted)::int as uses
           from promotion where usage_limit > 0`,
          ),
          shop.ask<{ available: number; reserved: number; ledger: boolean }>(
            "inventory",
            `select available::int, reserved::int,
                  (available, reserved) = (select sum(available_delta), sum(reserved_delta) from stock_movement m
                                            where m.variant_id = l.variant_id) as ledger
           from stock_level l where variant_id = $1`,
            [variantId],
          ),
        ]);
      for (const { it, used, uses } of promotions)
        assert.equal(used, uses, `promotion ${it} counts its uses`);
      const [level] = levels;
      assert.equal(level?.ledger, true, `the level of ${variantId} is not the sum of its ledger`);
      return {
        order: orders[0] ?? "none",
        reservation: reservations[0],
        payment: payments[0],
        charges,
        told,
        mails: mails.length,
        uses: uses.length,
        level: [level?.available ?? 0, level?.reserved ?? 0],
      };
    },

    async agree(variantId, stock) {
      await auditor.settled();
      const orders = await shop.ask<{ id: string; quantity: number }>(
        "order",
        "select orders.id, sum(quantity)::int as quantity from orders join order_line on order_id = orders.id group by orders.id",
      );
      let [confirmed, sold] = [0, 0];
      const all = await Promise.all(
        orders.map(async (it) => ({ ...it, books: await auditor.read(it.id, variantId) })),
      );
      for (const { id, quantity, books } of all) {
        const { level: _, ...own } = books;
        if (own.order === "CONFIRMED") {
          assert.deepEqual(own, CONFIRMED, id);
          confirmed++;
          sold += quantity;
        } else {
          const { reservation = "RELEASED", charges, payment: _, ...rest } = own;
          assert.deepEqual(
            { reservation, ...rest },
            { reservation: "RELEASED", order: "CANCELLED", told: [], mails: 0, uses: 0 },
            id,
          );
          assert.ok(
            charges.every((status) => status === "voided" || status === "declined"),
            `${id}: ${charges}`,
          );
        }
      }
      for (const { books } of all) assert.deepEqual(books.level, [stock - sold, sold]);
      return { confirmed, cancelled: all.length - confirmed };
    },
  };
  return auditor;
}
