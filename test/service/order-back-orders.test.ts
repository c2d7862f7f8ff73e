import test from "ava";
import pg from "pg";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { type Order, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { eventually } from "../eventually.ts";
import { afterSaleOf, once } from "./order-after-sale.ts";
import { ADDRESS, type Customer, shopOf } from "./order-shop.ts";

const RETURN_URI = "https://shop.example/back";
const shop = shopOf(test, { ORDER_RETURN_ORIGINS: "https://shop.example" });

test.serial.afterEach(() => {
  shop().observe = () => {};
});

const staff = () => afterSaleOf(shop()).staff;
const stockroom = () => shop().mesh.as(InventoryService);

/** Puts new variants on sale, of each of which one is there and more can be ordered. */
async function offer(count: number): Promise<string[]> {
  const variants: string[] = [];
  for (let index = 0; index < count; index++) {
    const variantId = await shop().offer(1_000n, 1);
    await stockroom().setStockPolicy({ variantId, backOrderable: true });
    variants.push(variantId);
  }
  return variants;
}

function deliver(variantId: string, delta: bigint, locationId = "") {
  return stockroom().adjustStock({ variantId, delta, locationId, reason: "delivery" }, once());
}

/** Somebody's order of some of each of the variants. */
async function order(quantities: Readonly<Record<string, bigint>>) {
  const ada = await shop().customer();
  for (const [variantId, quantity] of Object.entries(quantities)) await ada.add(variantId, quantity);
  const placed = await ada.place();
  return { ada, placed, id: placed.id, read: () => read(ada, placed.id) };
}

const read = async (ada: Customer, id: string) => (await ada.orders.getOrder({ id })).order as Order;

/** Which lines of an order wait. */
function waits(told: Order | undefined): boolean[] | undefined {
  return told?.lines.map(({ backOrder }) => backOrder);
}

/** Waits until the lines of an order wait like this. */
function becomes(expected: readonly boolean[], look: () => Promise<Order>): Promise<Order> {
  return eventually(async () => {
    const told = await look();
    if (String(waits(told)) !== String(expected)) throw new Error(`the lines wait like this: ${waits(told)}`);
    return told;
  });
}

/** Waits until order was told that goods came for an order, which it may tell nobody yet. */
async function noted(id: string): Promise<void> {
  const client = new pg.Client({ connectionString: shop().mesh.env["ORDER_DATABASE_URL"] });
  await client.connect();
  try {
    await eventually(async () => {
      const { rowCount } = await client.query("select from orders where id = $1 and stock_version > 1", [id]);
      if (rowCount !== 1) throw new Error("order was not told yet");
    });
  } finally {
    await client.end();
  }
}

test.serial(
  "lines say whether they wait for stock, variant by variant, and who watches is told when it has come",
  async (t) => {
    const [lamp = "", desk = "", chair = ""] = await offer(3);
    const { ada, id, placed, read } = await order({ [lamp]: 3n, [desk]: 2n, [chair]: 1n });
    t.deepEqual(waits(placed), [true, true, false]);
    t.deepEqual(await read(), placed);
    t.deepEqual((await ada.orders.listMyOrders({})).orders, [placed]);

    const watch = ada.orders.watchOrder({ id, etag: placed.etag })[Symbol.asyncIterator]();
    await deliver(lamp, 1n);
    await deliver(lamp, 1n);
    const first = (await watch.next()).value?.order;
    t.deepEqual(waits(first), [false, true, false], "one of the two variants has come");
    t.not(first?.etag, placed.etag);
    await deliver(desk, 5n);
    const second = (await watch.next()).value?.order;
    t.deepEqual(waits(second), [false, false, false]);
    t.deepEqual(await read(), second);
    t.is((await staff().shipOrder({ orderId: id }, once())).order?.state, OrderState.SHIPPED);
  },
);

test.serial(
  "what comes while the order is still being placed is not waited for when it is placed",
  async (t) => {
    const [lamp = ""] = await offer(1);
    shop().observe = async ({ saga, sagaId, step, phase }) => {
      if (saga !== "place-order" || step !== "commit-reservation" || phase !== "before") return;
      await deliver(lamp, 1n);
      await noted(sagaId);
    };
    const { placed, read } = await order({ [lamp]: 2n });
    t.deepEqual(waits(placed), [false]);
    t.deepEqual(await read(), placed);
  },
);

test.serial(
  "an order that waits for its payment says what it waits for, and keeps that when it is paid",
  async (t) => {
    const [lamp = "", desk = ""] = await offer(2);
    const ada = await shop().customer();
    await ada.add(lamp, 2n);
    await ada.add(desk, 2n);
    const { order: waiting } = await ada.checkout.placeOrder(
      {
        shippingAddress: ADDRESS,
        shippingMethod: "standard",
        payment: { token: "tok_3ds" },
        returnUri: RETURN_URI,
      },
      once(),
    );
    const id = waiting?.id ?? "";
    t.deepEqual([waiting?.state, waits(waiting)], [OrderState.AWAITING_PAYMENT, [true, true]]);
    await deliver(lamp, 1n);
    await becomes([false, true], () => read(ada, id));
    const { order: paid } = await ada.checkout.completePayment({ orderId: id });
    t.deepEqual([paid?.state, waits(paid)], [OrderState.CONFIRMED, [false, true]]);
  },
);

test.serial("an edit says at once what the order waits for then, and so does a cancellation", async (t) => {
  const [lamp = "", desk = ""] = await offer(2);
  const { id: orderId, placed } = await order({ [lamp]: 1n });
  t.deepEqual(waits(placed), [false]);
  const lineId = placed.lines[0]?.id ?? "";
  const more = await staff().editOrder(
    {
      orderId,
      lines: [{ lineId, quantity: 3n }],
      addedLines: [{ variantId: desk, quantity: 2n }],
      paymentToken: "tok_visa",
    },
    once(),
  );
  t.deepEqual(waits(more.order), [true, true]);
  const fewer = await staff().editOrder({ orderId, lines: [{ lineId, quantity: 1n }] }, once());
  t.deepEqual(waits(fewer.order), [false, true]);
  const items = [{ lineId: more.order?.lines[1]?.id ?? "", quantity: 1n }];
  const { order: rest } = await staff().cancelOrderItems({ orderId, items }, once());
  t.deepEqual(waits(rest), [false, false], "the one that is left is there");
});

test.serial("what comes while an order is edited is not waited for afterwards", async (t) => {
  for (const phase of ["before", "after"] as const) {
    const [lamp = ""] = await offer(1);
    const { id: orderId, placed, read } = await order({ [lamp]: 1n });
    shop().observe = async (moment) => {
      if (moment.step !== "change-reservation" || moment.phase !== phase) return;
      await deliver(lamp, 2n);
      if (phase === "after") await noted(orderId);
    };
    const edit = { orderId, lines: [{ lineId: placed.lines[0]?.id ?? "", quantity: 3n }] };
    const { order: edited } = await staff().editOrder({ ...edit, paymentToken: "tok_visa" }, once());
    t.deepEqual(waits(edited), [false], phase);
    t.deepEqual(await read(), edited);
  }
});

test.serial("what replaces goods says that it waits, and that it does not when it has come", async (t) => {
  const [lamp = ""] = await offer(1);
  const { sent } = afterSaleOf(shop());
  const { ada, order: old } = await sent([1n], 1_000n);
  const { replacement } = await staff().exchangeOrder(
    {
      orderId: old.id,
      returnedItems: [{ lineId: old.lines[0]?.id ?? "", quantity: 1n }],
      sentLines: [{ variantId: lamp, quantity: 2n }],
      paymentToken: "tok_visa",
    },
    once(),
  );
  t.deepEqual(waits(replacement), [true]);
  await deliver(lamp, 1n);
  await becomes([false], () => read(ada, replacement?.id ?? ""));
});

test.serial("what is sent or cancelled is not waited for, wherever it was sent from", async (t) => {
  const [lamp = "", desk = ""] = await offer(2);
  // Nobody who waits is served from there, but staff may send from it.
  const { location } = await stockroom().createLocation({
    location: { displayName: "Outlet", active: true },
  });
  const { id: orderId, placed, read } = await order({ [lamp]: 3n, [desk]: 2n });
  const [lampLine = ""] = placed.lines.map(({ id }) => id);
  await deliver(lamp, 2n, location?.id);
  t.deepEqual(waits(await read()), [true, true]);
  const items = [{ lineId: lampLine, quantity: 2n }];
  const sent = await staff().shipOrder({ orderId, items, locationId: location?.id ?? "" }, once());
  t.is(sent.order?.state, OrderState.PARTIALLY_SHIPPED);
  await becomes([false, true], read);
  const { order: over } = await staff().cancelOrderItems({ orderId }, once());
  t.deepEqual([over?.state, waits(over)], [OrderState.SHIPPED, [false, false]]);

  const other = await order({ [desk]: 3n });
  t.deepEqual(waits(other.placed), [true]);
  const { order: cancelled } = await other.ada.orders.cancelOrder({ id: other.id });
  t.deepEqual([cancelled?.state, waits(cancelled)], [OrderState.CANCELLED, [false]]);
});
