import test, { type ExecutionContext } from "ava";
import { OrderStateSchema } from "#gen/souk/order/v1/order_pb.ts";
import { SoukError } from "#kit/error.ts";
import { afterFile } from "../after-file.ts";
import { insist } from "./insist.ts";
import { openShop, type Shop, visit } from "./shop.ts";

const BUYERS = 100;
const STOCK = 50;

let shop: Shop;
const file = afterFile(test);

test.before(async () => {
  shop = await openShop(file);
});

test.serial(
  "of a hundred who buy the last fifty at the same time, fifty get one and fifty are told",
  async (t) => {
    const [variantId = ""] = await shop.offer(STOCK);
    const outcomes = await buyAtOnce(variantId, [""]);
    t.deepEqual(outcomes, { CONFIRMED: STOCK, OUT_OF_STOCK: BUYERS - STOCK });
    await stockIsSold(t, variantId);
  },
);

test.serial("what stands in a cart twice counts twice", async (t) => {
  const [variantId = ""] = await shop.offer(STOCK);
  const outcomes = await buyAtOnce(variantId, ["for Ada", "for Bob"]);
  t.deepEqual(outcomes, { CONFIRMED: STOCK / 2, OUT_OF_STOCK: BUYERS - STOCK / 2 });
  await stockIsSold(t, variantId);
});

/** Lets everybody buy the same, one piece for each note, and counts how it ended. */
async function buyAtOnce(variantId: string, notes: readonly string[]): Promise<Record<string, number>> {
  const buyers = Array.from({ length: BUYERS }, () => visit(shop, shop.customer()));
  for (const note of notes) await Promise.all(buyers.map(({ add }) => add(variantId, 1n, note)));
  const outcomes = await Promise.all(
    buyers.map(({ place }, buyer) =>
      insist(() => place(`order-${buyer}`)).then(
        ({ state }) => OrderStateSchema.value[state]?.localName,
        (error: unknown) => (error instanceof SoukError ? error.reason || error.message : String(error)),
      ),
    ),
  );
  return Object.fromEntries(
    [...Map.groupBy(outcomes, (it) => it)].map(([outcome, all]) => [outcome, all.length]),
  );
}

/** Nothing is left, less than nothing never was, and every book says the same. */
async function stockIsSold(t: ExecutionContext, variantId: string): Promise<void> {
  const [level] = await shop.ask(
    "inventory",
    "select available::int, reserved::int from stock_level where variant_id = $1",
    [variantId],
  );
  t.deepEqual(level, { available: 0, reserved: STOCK });
  const [ledger] = await shop.ask(
    "inventory",
    `select sum(available_delta)::int as available, sum(reserved_delta)::int as reserved, min(left_over)::int as least
     from (select *, sum(available_delta) over (order by id) as left_over from stock_movement where variant_id = $1) as it`,
    [variantId],
  );
  t.deepEqual(ledger, { available: 0, reserved: STOCK, least: 0 });
  const [held] = await shop.ask(
    "inventory",
    `select sum(quantity)::int as quantity from reservation_line join reservation on id = reservation_id
     where variant_id = $1 and state = 'COMMITTED'`,
    [variantId],
  );
  t.deepEqual(held, { quantity: STOCK });
  const [ordered] = await shop.ask(
    "order",
    `select sum(quantity)::int as quantity from order_line join orders on orders.id = order_id
     where variant_id = $1 and state = 'CONFIRMED'`,
    [variantId],
  );
  t.deepEqual(ordered, { quantity: STOCK });
}
