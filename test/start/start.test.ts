import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";
import { shopFolder, startShop } from "./running-shop.ts";

const OPEN = /The shop is open at http:\/\/127\.0\.0\.1:(\d+)/;

// One shop at a time: each of them fills the machine.
test.serial("a newcomer starts the shop and walks through it as the README says", async (t) => {
  const dir = shopFolder(t);
  const shop = startShop(t, dir, 20_000);
  const [, port] = await shop.prints(OPEN);
  t.regex(shop.printed(), /products created, 0 updated, \d+ variants, 0 rows left out/);
  const answers = await walkThrough(t, port);
  t.is(answers.length, 7);
  const [found, registered, added, reduced, placed, got, notified] = answers;
  t.true(found.products[0].title.toLowerCase().includes("lamp"));
  t.is(registered.user.email, "ada@example.com");
  t.is(added.cart.lines[0].quantity, "2");
  t.is(reduced.cart.discounts[0].couponCode, "WELCOME10");
  t.deepEqual(placed.order.discounts, reduced.cart.discounts);
  t.is(placed.order.state, "ORDER_STATE_CONFIRMED");
  t.deepEqual(got.order, placed.order);
  t.truthy(notified.notifications);

  const second = startShop(t, dir, 20_000);
  t.is(await second.exited, 1);
  t.regex(second.printed(), /runs|running/);

  t.is(await shop.interrupt(), 0);
  const again = startShop(t, dir, 20_000);
  await again.prints(OPEN);
  t.notRegex(again.printed(), /products created/);
  const [kept] = await walkThrough(t, port, 1);
  t.is(kept.products[0].id, found.products[0].id);
  t.is(await again.interrupt(), 0);
});

test.serial("the whole shop runs as one process, and takes the same walk", async (t) => {
  const shop = startShop(t, shopFolder(t), 21_000, ["--colocate"]);
  const [, port] = await shop.prints(OPEN);
  const answers = await walkThrough(t, port);
  t.is(answers[4].order.state, "ORDER_STATE_CONFIRMED");
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
 * @param calls how many of its calls; all by default
 * @returns what each call answered
 */
async function walkThrough(t: ExecutionContext, port: string | undefined, calls = Number.POSITIVE_INFINITY) {
  const readme = readFileSync("README.md", "utf8");
  const text = /<!-- walk-through -->\n```sh\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const folder = mkdtempSync(join(tmpdir(), "souk-walk-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  // Each answer on a line of its own, so that they can be told apart.
  const script = text
    .replaceAll("localhost:8080", `localhost:${port}`)
    .replaceAll("curl -s", "curl -s -w '\\n'");
  const commands =
    calls === 1
      ? script
          .split("\n")
          .slice(0, 5)
          .join("\n")
          .replace(/^VARIANT.*$/m, "")
      : script;
  const { stdout } = await promisify(execFile)("bash", ["-eu", "-o", "pipefail", "-c", commands], {
    cwd: folder,
  });
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
}
