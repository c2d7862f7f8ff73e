import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test from "ava";
import { BreakerState, OperationsService } from "#gen/souk/mesh/v1/operations_pb.ts";
import { OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { SoukError } from "#kit/error.ts";
import { pickFreePort } from "../../deploy/local/ports.ts";
import { order } from "../../services/order/service.ts";
import { eventually } from "../eventually.ts";
import { openBooks } from "./books.ts";
import { insist } from "./insist.ts";
import { startProcess } from "./process.ts";
import { isOrderedOnce, openShop, type Shop, visit } from "./shop.ts";

const STOCK = 100;
/** What PlaceOrder's policy gives it, in ms. */
const PLACE_ORDER_MS = 10_000;
const AUTHORIZE = "souk.payment.v1.PaymentService/AuthorizePayment";

test.serial(
  "while payments hang every order is answered in time, payment is left alone for a while, and then tried again",
  async (t) => {
    const shop = await openShop(t, {
      env: { SOUK_BREAKER_RESET_MS: "5000", PAYMENT_BREAKER_RESET_MS: "500" },
    });
    const books = await openBooks(t, shop);
    const [variantId = ""] = await shop.offer(STOCK);
    const buyers = Array.from({ length: 6 }, () => visit(shop, shop.customer()));
    const late = visit(shop, shop.customer());
    await Promise.all([...buyers, late].map(({ add }) => add(variantId)));

    const answered = Promise.all(
      buyers.map(async ({ place }) => {
        const startedAt = Date.now();
        const error = await t.throwsAsync(place(randomUUID(), "tok_timeout"), { instanceOf: SoukError });
        t.is(error?.reason, "PAYMENT_UNAVAILABLE", error?.message);
        t.true(Date.now() - startedAt < PLACE_ORDER_MS);
      }),
    );
    await breaker(shop, BreakerState.OPEN, 2 * PLACE_ORDER_MS);
    // Refused before it reaches payment: what payment knows of it is only that it is given up.
    const refused = await t.throwsAsync(late.place(randomUUID()), { instanceOf: SoukError });
    t.is(refused?.reason, "PAYMENT_UNAVAILABLE");
    await answered;
    await books.settled();
    const [given] = await shop.ask(
      "payment",
      "select state, amount_minor as amount from payment order by id desc limit 1",
    );
    t.deepEqual(given, { state: "VOIDED", amount: null });
    t.deepEqual(await books.agree(variantId, STOCK), { confirmed: 0, cancelled: buyers.length + 1 });

    await eventually(
      async () => assert.equal((await late.place(randomUUID())).state, OrderState.CONFIRMED),
      30_000,
    );
    await breaker(shop, BreakerState.CLOSED, 5_000);
    t.is((await books.agree(variantId, STOCK)).confirmed, 1);
  },
);

test.serial(
  "orders whose payment was under way when payment was killed are paid once or not at all",
  async (t) => {
    const shop = await openShop(t, { apart: ["payment", "order"] });
    const env = shop.env({ PAYMENT_PORT: String(await pickFreePort()), PAYMENT_SANDBOX_LATENCY_MS: "300" });
    const killed = await startProcess(t, "payment", env);
    shop.addresses.set("payment", `127.0.0.1:${env["PAYMENT_PORT"]}`);
    await shop.start([order], { SOUK_BREAKER_RESET_MS: "500" });
    const books = await openBooks(t, shop);
    const [variantId = ""] = await shop.offer(STOCK);
    const buyers = Array.from({ length: 8 }, () => ({ ...visit(shop, shop.customer()), key: randomUUID() }));
    await Promise.all(buyers.map(({ add }) => add(variantId)));

    const calls = Promise.allSettled(buyers.map(({ place, key }) => place(key)));
    await eventually(async () => {
      const [row] = await shop.ask<{ n: number }>(
        "payment",
        "select count(*)::int as n from payment where state = 'PENDING'",
      );
      assert.notEqual(row?.n, 0);
    });
    await killed.kill();
    const revived = await startProcess(t, "payment", env);
    await calls;
    await books.settled();
    const { confirmed, cancelled } = await books.agree(variantId, STOCK);
    t.is(confirmed + cancelled, buyers.length);

    // Who repeats the call learns that it was ordered; what was undone is ordered now.
    for (const { place, key, orders } of buyers) {
      t.is((await insist(() => place(key))).state, OrderState.CONFIRMED);
      t.true(isOrderedOnce(await orders()));
    }
    t.deepEqual(await books.agree(variantId, STOCK), { confirmed: buyers.length, cancelled });

    // The same while customers confirm.
    const confirming = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const { add, place, complete } = visit(shop, shop.customer());
        await add(variantId);
        const { id } = await place(randomUUID(), "tok_3ds", { returnUri: "http://localhost:3000/back" });
        return () => complete(id);
      }),
    );
    const completions = Promise.allSettled(confirming.map((complete) => complete()));
    await revived.kill();
    await startProcess(t, "payment", env);
    await completions;
    for (const complete of confirming) t.is((await insist(complete)).state, OrderState.CONFIRMED);
    const all = buyers.length + confirming.length;
    t.deepEqual(await books.agree(variantId, STOCK), { confirmed: all, cancelled });
  },
);

/** Waits until order's breaker for AuthorizePayment is in a state, and operators see it. */
function breaker(shop: Shop, state: BreakerState, withinMs: number): Promise<void> {
  return eventually(async () => {
    const { breakers } = await shop.operate(OperationsService, "order").listBreakers({});
    assert.equal(breakers.find(({ method }) => method === AUTHORIZE)?.state, state);
  }, withinMs);
}
