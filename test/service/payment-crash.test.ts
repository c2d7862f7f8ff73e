import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import { booksOf, newPaymentId, openDesk, outcomeOf, paymentDatabase, until } from "./payment-desk.ts";

const victim = fileURLToPath(new URL("payment-victim.ts", import.meta.url));

test("after a crash between the charge and its record, the next attempt finds the charge", async (t) => {
  const db = await paymentDatabase(t);
  const id = newPaymentId();
  const child = start(t, db.url, "authorize", id);
  await until(async () => (await booksOf(db, id)).statuses.includes("authorized"));
  await kill(child);
  t.like(await booksOf(db, id), { state: "PENDING", events: [] });
  const payment = await openDesk(db).authorize(id);
  const { state, charges, events } = await booksOf(db, id);
  t.is(state, "AUTHORIZED");
  t.deepEqual(
    charges.map((charge) => charge.id),
    [payment.provider_charge_id],
  );
  t.deepEqual(events, ["PaymentAuthorized"]);
});

test("after a crash between the charge and its record, voiding gives the charge back", async (t) => {
  const db = await paymentDatabase(t);
  const id = newPaymentId();
  const child = start(t, db.url, "authorize", id);
  await until(async () => (await booksOf(db, id)).statuses.includes("authorized"));
  await kill(child);
  await openDesk(db).void(id);
  t.like(await booksOf(db, id), { state: "VOIDED", statuses: ["voided"], events: ["PaymentVoided"] });
});

for (const [deed, status, state, event] of [
  ["capture", "captured", "CAPTURED", "PaymentCaptured"],
  ["void", "voided", "VOIDED", "PaymentVoided"],
] as const) {
  test(`after a crash between the provider's ${deed} and its record, repeating it records it`, async (t) => {
    const db = await paymentDatabase(t);
    const desk = openDesk(db);
    const id = newPaymentId();
    await desk.authorize(id);
    const child = start(t, db.url, deed, id);
    await until(async () => (await booksOf(db, id)).statuses.includes(status));
    await kill(child);
    t.is((await booksOf(db, id)).state, "AUTHORIZED");
    await desk[deed](id);
    t.like(await booksOf(db, id), { state, statuses: [status], events: ["PaymentAuthorized", event] });
  });
}

test("processes killed at any moment leave payments that can be repeated, each charged once", async (t) => {
  const db = await paymentDatabase(t);
  const count = async () => Number((await db.pool.run("select count(*)::int as n from payment")).rows[0].n);
  for (let round = 1; round <= 4; round++) {
    const before = await count();
    const child = start(t, db.url, "storm");
    await until(async () => (await count()) >= before + 7 * round);
    await kill(child);
  }
  const desk = openDesk(db);
  const { rows } = await db.pool.run("select id from payment");
  const ends = {
    authorized: { state: "AUTHORIZED", events: ["PaymentAuthorized"] },
    captured: { state: "CAPTURED", events: ["PaymentAuthorized", "PaymentCaptured"] },
    voided: { state: "VOIDED", events: ["PaymentAuthorized", "PaymentVoided"] },
  } as const;
  for (const { id } of rows) {
    await outcomeOf(desk.authorize(id));
    const { statuses } = await booksOf(db, id);
    t.is(statuses.length, 1);
    const status = statuses[0] as keyof typeof ends;
    // What was interrupted is repeated.
    if (status === "captured") await desk.capture(id);
    if (status === "voided") await desk.void(id);
    t.like(await booksOf(db, id), { statuses: [status], ...ends[status] });
  }
});

function start(t: ExecutionContext, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [victim, ...args], { stdio: ["ignore", "ignore", "inherit"] });
  t.teardown(() => kill(child));
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
