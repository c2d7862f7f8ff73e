import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";
import { eventually } from "../eventually.ts";
import { placeOf, shopFolder, startShop } from "./running-shop.ts";

/** Moves the shop's ports beside those of a shop that runs here, and below those that tests pick at random. */
const OFFSET = 4_000;
const OPEN = /The shop is open at http:\/\/127\.0\.0\.1:(\d+)/;

// One shop at a time: each of them fills the machine.
test.serial("a newcomer starts the shop and walks through it as the README says", async (t) => {
  const dir = shopFolder(t);
  const shop = startShop(t, dir, OFFSET);
  const [, port] = await shop.prints(OPEN);
  t.regex(shop.printed(), /products created, 0 updated, \d+ variants, 0 rows left out/);
  const answers = await walkThrough(t, port, placeOf(dir, OFFSET));
  t.is(answers.length, 17);
  const [
    found,
    registered,
    added,
    reduced,
    placed,
    staff,
    templates,
    previewed,
    worded,
    shipped,
    refunded,
    asked,
    approved,
    received,
    got,
    ,
    chosen,
  ] = answers;
  t.true(found.products[0].title.toLowerCase().includes("lamp"));
  t.is(registered.user.email, "ada@example.com");
  t.is(added.cart.lines[0].quantity, "2");
  t.is(reduced.cart.discounts[0].couponCode, "WELCOME10");
  t.deepEqual(placed.order.discounts, reduced.cart.discounts);
  t.is(placed.order.state, "ORDER_STATE_CONFIRMED");
  t.true(staff.user.roles.includes("admin"));
  t.is(templates.templates.length, 2);
  t.is(previewed.subject, "Off it goes: order 7K3MW-9QXD2");
  t.true(worded.template.customized);
  t.is(shipped.order.state, "ORDER_STATE_SHIPPED");
  t.deepEqual(shipped.order.captured, placed.order.total);
  t.is(refunded.refund.state, "REFUND_STATE_SUCCEEDED");
  t.is(asked.return.state, "RETURN_STATE_REQUESTED");
  t.is(approved.return.state, "RETURN_STATE_APPROVED");
  t.is(received.return.state, "RETURN_STATE_RECEIVED");
  t.is(
    received.order.refunded.minor,
    placed.order.lines[0].total.minor,
    "both lamps are paid back to the cent",
  );
  t.deepEqual(got.order, received.order);
  const switchedOff = chosen.preferences.filter(({ enabled }: { enabled?: boolean }) => !enabled);
  t.deepEqual(switchedOff, [{ topic: "order-shipped", channel: "CHANNEL_EMAIL" }]);
  const call = (method: string, { tokens }: typeof registered, body = {}) =>
    ask(port, method, tokens.accessToken, body);
  await eventually(async () => {
    const { notifications } = await call(
      "notification.v1.NotificationService/ListMyNotifications",
      registered,
    );
    const topics = notifications.map(({ topic }: { topic: string }) => topic);
    assert.deepEqual(topics.sort(), TOLD);
  });

  await shop.prints(/3 locations and \d+ demo orders/);
  const list = () => call("order.v1.OrderService/ListOrders", staff, { pageSize: 100 });
  const { orders } = await list();
  t.deepEqual([...new Set(orders.map(({ state }: { state: string }) => state))].sort(), STATES);

  const second = startShop(t, dir, OFFSET);
  t.is(await second.exited, 1);
  t.regex(second.printed(), /runs|running/);

  t.is(await shop.interrupt(), 0);
  const again = startShop(t, dir, OFFSET);
  await again.prints(OPEN);
  const [kept] = await walkThrough(t, port, {}, 1);
  t.is(kept.products[0].id, found.products[0].id);
  t.deepEqual((await eventually(list)).orders, orders);
  t.notRegex(again.printed(), /products created|demo orders/);
  t.is(await again.interrupt(), 0);
});

/** What Ada is told in the end, and in which states orders are to be seen. */
const TOLD = [
  "order-confirmed",
  "order-refunded",
  "order-refunded",
  "order-shipped",
  "return-approved",
  "return-received",
  "return-requested",
  "welcome",
];
const STATES = [
  "ORDER_STATE_AWAITING_PAYMENT",
  "ORDER_STATE_CANCELLED",
  "ORDER_STATE_CONFIRMED",
  "ORDER_STATE_DELIVERED",
  "ORDER_STATE_PARTIALLY_SHIPPED",
  "ORDER_STATE_RETURNED",
  "ORDER_STATE_SHIPPED",
];

test.serial("the whole shop runs as one process, and takes the same walk", async (t) => {
  const dir = shopFolder(t);
  const shop = startShop(t, dir, OFFSET, ["--colocate"], { SOUK_DEMO: "off" });
  const [, port] = await shop.prints(OPEN);
  const answers = await walkThrough(t, port, placeOf(dir, OFFSET));
  t.is(answers[4].order.state, "ORDER_STATE_CONFIRMED");
  t.is(answers[14].order.state, "ORDER_STATE_SHIPPED");
  t.notRegex(shop.printed(), /demo orders/);
  t.is(await shop.interrupt(), 0);
});

test("an unknown option is answered with the usage", async (t) => {
  const shop = startShop(t, shopFolder(t), 22_000, ["--frehs"]);
  t.is(await shop.exited, 78);
  t.regex(shop.printed(), /npm start -- --fresh/);
});

/**
 * Runs the README's own text against a shop.
 *
 * @param env by which tools find the shop
 * @param calls how many of its calls; all by default
 * @returns what each call answered
 */
async function walkThrough(
  t: ExecutionContext,
  port: string | undefined,
  env: NodeJS.ProcessEnv,
  calls = Number.POSITIVE_INFINITY,
) {
  const readme = readFileSync("README.md", "utf8");
  const text = /<!-- walk-through -->\n```sh\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const folder = mkdtempSync(join(tmpdir(), "souk-walk-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  // Each answer on a line of its own, so that they can be told apart.
  const script = text
    .replaceAll("localhost:8080", `localhost:${port}`)
    .replaceAll("curl -s", "curl -s -w '\\n'");
  const commands = calls === 1 ? script.slice(0, script.indexOf("VARIANT=")) : script;
  const { stdout } = await promisify(execFile)("bash", ["-eu", "-o", "pipefail", "-c", commands], {
    env: { ...process.env, ...env, TMPDIR: folder },
  });
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
}

async function ask(port: string | undefined, method: string, accessToken: string, body: object) {
  const answer = await fetch(`http://localhost:${port}/souk.${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${accessToken}` },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  assert.equal(answer.status, 200, `${method}: ${text}`);
  return JSON.parse(text);
}
