import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import pg from "pg";
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
    const late = { ...visit(shop, shop.customer()), key: randomUUID() };
    await Promise.all([...buyers, late].map(({ add }) => add(variantId)));

    const answered = Promise.all(
      buyers.map(async ({ place }) => {
        // An answer that comes later than the policy lets it is another one.
        const error = await t.throwsAsync(place(randomUUID(), "tok_timeout"), { instanceOf: SoukError });
        t.is(error?.reason, "PAYMENT_UNAVAILABLE", error?.message);
      }),
    );
    await breaker(shop, BreakerState.OPEN);
    // Refused before it reaches payment: what payment knows of it is only that it is given up.
    const refused = await t.throwsAsync(late.place(late.key), { instanceOf: SoukError });
    t.is(refused?.reason, "PAYMENT_UNAVAILABLE");
    await answered;
    await books.settled();
    const [given] = await shop.ask(
      "payment",
      "select state, amount_minor as amount from payment order by id desc limit 1",
    );
    t.deepEqual(given, { state: "VOIDED", amount: null });
    t.deepEqual(await books.agree(variantId, STOCK), { confirmed: 0, cancelled: buyers.length + 1 });

    await eventually(async () => assert.equal((await late.place(late.key)).state, OrderState.CONFIRMED));
    await breaker(shop, BreakerState.CLOSED);
    t.is((await books.agree(variantId, STOCK)).confirmed, 1);
  },
);

test.serial(
  "orders whose payment was under way when payment was killed are paid once or not at all",
  async (t) => {
    const shop = await openShop(t, { apart: ["payment", "order"] });
    const env = shop.env({ PAYMENT_PORT: String(await pickFreePort()), PAYMENT_POOL_SIZE: "12" });
    const killed = await startProcess(t, "payment", env);
    shop.addresses.set("payment", `127.0.0.1:${env["PAYMENT_PORT"]}`);
    await shop.start([order], { SOUK_BREAKER_RESET_MS: "500" });
    const books = await openBooks(t, shop);
    const [variantId = ""] = await shop.offer(STOCK);
    const buyers = Array.from({ length: 8 }, () => ({ ...visit(shop, shop.customer()), key: randomUUID() }));
    await Promise.all(buyers.map(({ add }) => add(variantId)));

    const till = await openTill(t, env["PAYMENT_DATABASE_URL"]);
    await till.close();
    const calls = Promise.allSettled(buyers.map(({ place, key }) => place(key)));
    await till.answered(buyers.length / 2);
    await killed.kill();
    await till.open();
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
    await till.close();
    const completions = Promise.allSettled(confirming.map((complete) => complete()));
    await till.answered(confirming.length / 2);
    await revived.kill();
    await till.open();
    await startProcess(t, "payment", env);
    await completions;
    for (const complete of confirming) t.is((await insist(complete)).state, OrderState.CONFIRMED);
    const all = buyers.length + confirming.length;
    t.deepEqual(await books.agree(variantId, STOCK), { confirmed: all, cancelled });
  },
);

/** Waits until order's breaker for AuthorizePayment is in a state, and operators see it. */
function breaker(shop: Shop, state: BreakerState): Promise<void> {
  return eventually(async () => {
    const { breakers } = await shop.operate(OperationsService, "order").listBreakers({});
    assert.equal(breakers.find(({ method }) => method === AUTHORIZE)?.state, state);
  });
}

/** Lets the answers of the payment provider stand still before they are recorded. */
async function openTill(t: ExecutionContext, url: string | undefined) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  t.teardown(() => client.end());
  await client.query(`create function wait() returns trigger language plpgsql as $$
    begin perform pg_advisory_xact_lock_shared(4711); return new; end $$`);
  await client.query("create trigger wait before update on payment for each row execute function wait()");
  const waiting = "from pg_locks where not granted and objid = 4711";
  return {
    close: () => client.query("select pg_advisory_lock(4711)"),
    /** Waits until so many answers wait. */
    answered: (atLeast: number) =>
      eventually(async () => {
        const { rowCount } = await client.query(`select ${waiting}`);
        assert.ok((rowCount ?? 0) >= atLeast, `${rowCount} answers wait`);
      }),
    /** What waits is lost with the process that waited for it. */
    async open() {
      await client.query(`select pg_terminate_backend(pid) ${waiting}`);
      await client.query("select pg_advisory_unlock(4711)");
    },
  };
}
