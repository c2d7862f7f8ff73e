import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { type Order, OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { editOrderSaga } from "../../services/order/after-sale/edit-order.ts";
import { exchangeOrderSaga } from "../../services/order/after-sale/exchange-order.ts";
import { receiveReturnSaga } from "../../services/order/after-sale/receive-return.ts";
import { dieAndRepeat, refusedAndRepeated } from "./die-and-repeat.ts";
import { insist } from "./insist.ts";
import { backward, describe, forward } from "./moments.ts";
import type { Customer } from "./shop.ts";
import type { Till } from "./tills.ts";
import { tillsOf } from "./tills-of.ts";

const STOCK = 10;
/** What a piece of 60.00 costs after the promotion that every order of the shop uses; shipping costs nothing. */
const PRICE = 5_400n;

/** What is told of the changes that are tested here. */
const TOPICS = ["order-confirmed", "order-edited", "order-exchanged"];

const { tills } = tillsOf(test, { variants: 98, stock: STOCK }, { tills: { most: 3 } });

for (const moment of forward(editOrderSaga)) {
  test(`an edit whose process is killed ${describe(moment)} takes effect once`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await sell(till);
      const edited = await dieAndRepeat(t, till, (key) => sale.edit(key));
      t.is(edited.total?.minor, 5n * PRICE);
      await agree(t, till, sale, {
        order: "CONFIRMED",
        levels: [
          [9, 1],
          [6, 4],
        ],
        charges: ["authorized 16200 0 0", "authorized 10800 0 0"],
        told: ["order-confirmed", "order-edited"],
      });
    }));
}

for (const moment of backward(editOrderSaga, 1)) {
  test(`an edit that is not paid and whose process is killed ${describe(moment)} changes nothing`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await sell(till);
      const edit = (key: string) => sale.edit(key, "tok_declined");
      await refusedAndRepeated(t, till, "PAYMENT_DECLINED", edit);
      await agree(t, till, sale, {
        order: "CONFIRMED",
        levels: [
          [7, 3],
          [10, 0],
        ],
        charges: ["authorized 16200 0 0", "declined 10800 0 0"],
        told: ["order-confirmed"],
      });
    }));
}

for (const moment of backward(editOrderSaga, 2)) {
  test(`an edit whose stock cannot change and whose process is killed ${describe(moment)} gives all back`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await sell(till);
      await till.shop
        .call(InventoryService, { caller: "order" })
        .releaseReservation({ reservationId: sale.orderId });
      await refusedAndRepeated(t, till, "ORDER_NOT_EDITABLE", (key) => sale.edit(key));
      await agree(t, till, sale, {
        order: "CONFIRMED",
        levels: [
          [10, 0],
          [10, 0],
        ],
        charges: ["authorized 16200 0 0", "voided 10800 0 0"],
        told: ["order-confirmed"],
      });
    }));
}

for (const moment of forward(exchangeOrderSaga)) {
  test(`an exchange whose process is killed ${describe(moment)} takes effect once`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await sell(till);
      await insist(() => sale.ship(sale.orderId));
      const replacement = await dieAndRepeat(t, till, (key) => sale.exchange(key));
      t.is(replacement.total?.minor, 2n * 6_000n - 600n);
      await agree(t, till, sale, {
        order: "SHIPPED",
        levels: [
          [7, 0],
          [8, 2],
        ],
        charges: ["captured 16200 16200 0", "authorized 6000 0 0"],
        told: ["order-confirmed", "order-exchanged"],
      });
      await insist(() => sale.receive());
      await insist(() => sale.ship(replacement.id));
      await agree(t, till, sale, {
        order: "SHIPPED",
        levels: [
          [8, 0],
          [8, 0],
        ],
        charges: ["captured 16200 16200 0", "captured 6000 6000 0"],
        told: ["order-confirmed", "order-exchanged"],
      });
    }));
}

for (const moment of backward(exchangeOrderSaga, 1)) {
  test(`an exchange that is not paid and whose process is killed ${describe(moment)} changes nothing`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await sell(till);
      await insist(() => sale.ship(sale.orderId));
      const exchange = (key: string) => sale.exchange(key, { paymentToken: "tok_declined" });
      await refusedAndRepeated(t, till, "PAYMENT_DECLINED", exchange);
      await agree(t, till, sale, {
        order: "SHIPPED",
        levels: [
          [7, 0],
          [10, 0],
        ],
        charges: ["captured 16200 16200 0", "declined 6000 0 0"],
        told: ["order-confirmed"],
      });
      const { refunds, returns } = await sale.read();
      t.deepEqual([refunds, returns], [[], []]);
    }));
}

for (const moment of forward(receiveReturnSaga)) {
  test(`goods that come back after what replaces them, and whose process is killed ${describe(moment)}, give what they paid too much back once`, (t) =>
    tills.use(moment, async (till) => {
      const sale = await sell(till);
      await insist(() => sale.ship(sale.orderId));
      const exchange = { returned: 3n, shipBeforeReceipt: true };
      const key = randomUUID();
      const replacement = await insist(() => sale.exchange(key, exchange));
      await insist(() => sale.ship(replacement.id));
      await dieAndRepeat(t, till, () => sale.receive(3n));
      await agree(t, till, sale, {
        order: "RETURNED",
        levels: [
          [10, 0],
          [8, 0],
        ],
        charges: ["captured 16200 16200 6000"],
        told: ["order-confirmed", "order-exchanged"],
      });
    }));
}

/** What a test does with an order that it has sold. */
interface Sale {
  readonly orderId: string;
  readonly customer: Customer;
  /** What was ordered, and what comes to it. */
  readonly variantIds: readonly [string, string];
  read(): Promise<Order>;
  /** Leaves one of three pieces, and adds four of something else. */
  edit(key: string, paymentToken?: string): Promise<Order>;
  ship(orderId: string): Promise<Order>;
  /** Exchanges pieces, one unless told otherwise, for two of something else, and gives the order of these. */
  exchange(key: string, how?: HowExchanged): Promise<Order>;
  /** Books the pieces that were exchanged. */
  receive(pieces?: bigint): Promise<Order>;
}

interface HowExchanged {
  readonly returned?: bigint;
  readonly shipBeforeReceipt?: boolean;
  readonly paymentToken?: string;
}

/** Sells three pieces of something of which nothing was sold before. */
async function sell(till: Till): Promise<Sale> {
  const customer: Customer = till.shop.customer();
  const variantIds = [till.newVariant(), till.newVariant()] as const;
  const [variantId, otherId] = variantIds;
  await till.visit(customer).add(variantId, 3n);
  const placeKey = randomUUID();
  const { id: orderId, lines } = await insist(() => till.visit(customer).place(placeKey));
  const lineId = lines[0]?.id ?? "";
  const staff = () => till.shop.call(OrderService, { caller: "operator" }, till.address());
  const read = async () => (await insist(() => staff().getOrderForStaff({ id: orderId }))).order as Order;
  const shipKey = randomUUID();
  return {
    orderId,
    customer,
    variantIds,
    read,
    async edit(idempotencyKey, paymentToken = "tok_visa") {
      const lines = [{ lineId, quantity: 1n }];
      const addedLines = [{ variantId: otherId, quantity: 4n }];
      const { order } = await staff().editOrder(
        { orderId, lines, addedLines, paymentToken },
        { idempotencyKey },
      );
      return order as Order;
    },
    async ship(id) {
      const { order } = await staff().shipOrder({ orderId: id }, { idempotencyKey: `${shipKey}-${id}` });
      return order as Order;
    },
    async exchange(idempotencyKey, { returned = 1n, ...how } = {}) {
      const returnedItems = [{ lineId, quantity: returned }];
      const sentLines = [{ variantId: otherId, quantity: 2n }];
      const { replacement } = await staff().exchangeOrder(
        { orderId, returnedItems, sentLines, paymentToken: "tok_visa", ...how },
        { idempotencyKey },
      );
      return replacement as Order;
    },
    async receive(pieces = 1n) {
      const [asked] = (await read()).returns;
      const items = [{ lineId, restocked: pieces }];
      return (await staff().receiveReturn({ id: asked?.id ?? "", items })).order as Order;
    },
  };
}

type Level = [available: number, reserved: number];

/** Compares what order, payment with its provider, inventory and notification keep, each for itself. */
async function agree(
  t: ExecutionContext,
  till: Till,
  { orderId, customer, variantIds }: Sale,
  expected: { order: string; levels: Level[]; charges: string[]; told: string[] },
): Promise<void> {
  await till.settled();
  const [first, second] = await Promise.all(variantIds.map((variantId) => till.read(orderId, variantId)));
  const charges = await till.shop.ask<{ it: string; agrees: boolean }>(
    "payment",
    `select concat_ws(' ', c.status, c.amount_minor, c.captured_minor, c.refunded_minor) as it,
            (p.captured_minor, p.refunded_minor) = (c.captured_minor, c.refunded_minor) as agrees
     from payment p join sandbox.charge c on c.idempotency_key = p.id::text
     where p.id = $1 or p.account_id = $2 order by p.create_time`,
    [orderId, customer.id],
  );
  const open = await till.shop.ask<{ id: string }>(
    till.database,
    "select id from orders where customer_id = $1 and (changing is not null or state in ('PENDING', 'CANCELLING'))",
    [customer.id],
  );
  const levels = [first?.level, second?.level];
  const told = first?.told.filter((topic) => TOPICS.includes(topic)).sort();
  t.deepEqual({ order: first?.order, levels, charges: charges.map(({ it }) => it), told }, expected);
  t.is(first?.mails, first?.told.length);
  t.is(first?.uses, 1);
  t.true(charges.every(({ agrees }) => agrees));
  t.deepEqual(open, []);
}
