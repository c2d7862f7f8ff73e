import test, { type ExecutionContext } from "ava";
import {
  away,
  booksOf,
  letReconcileTimePass,
  losingAnswers,
  newPaymentId,
  openDesk,
  outcomeOf,
  paymentDatabase,
  until,
} from "./payment-desk.ts";

async function open(t: ExecutionContext) {
  const db = await paymentDatabase(t);
  return { db, desk: openDesk(db) };
}

test("a payment whose answer was lost takes over the charge that is found", async (t) => {
  const { db, desk } = await open(t);
  const [authorized, declined] = [newPaymentId(), newPaymentId()];
  const lossy = openDesk(db, { wrap: losingAnswers });
  await outcomeOf(lossy.authorize(authorized));
  await outcomeOf(lossy.authorize(declined, "tok_declined"));
  await letReconcileTimePass(db);
  await desk.reconcile();
  t.like(await booksOf(db, authorized), { state: "AUTHORIZED", events: ["PaymentAuthorized"] });
  t.like(await booksOf(db, declined), { state: "DECLINED", events: [] });
  t.is((await desk.authorize(authorized)).state, "AUTHORIZED");
  t.is((await booksOf(db, authorized)).payment?.reconcile_time, null);
});

test("a charge that turns up after its payment was given up is given back", async (t) => {
  const { db, desk } = await open(t);
  const id = newPaymentId();
  const held = Promise.withResolvers<void>();
  const slow = openDesk(db, {
    timeoutMs: 20,
    wrap: (provider) => ({
      ...provider,
      authorize: (...args) => held.promise.then(() => provider.authorize(...args)),
    }),
  });
  t.is(await outcomeOf(slow.authorize(id)), "PROVIDER_UNAVAILABLE");
  await desk.void(id);
  t.like(await booksOf(db, id), { state: "VOIDED", charges: [], events: ["PaymentVoided"] });

  held.resolve();
  await until(async () => (await booksOf(db, id)).statuses.includes("authorized"));
  await letReconcileTimePass(db);
  await desk.reconcile();
  const { state, statuses, events, payment, charges } = await booksOf(db, id);
  t.deepEqual(
    { state, statuses, events },
    { state: "VOIDED", statuses: ["voided"], events: ["PaymentVoided"] },
  );
  t.is(payment?.provider_charge_id, charges[0]?.id);
  t.is(payment?.reconcile_time, null);
});

test("a payment without a charge stays as it is and is looked at again when it is twice as old", async (t) => {
  const { db, desk } = await open(t);
  const [pending, given] = [newPaymentId(), newPaymentId()];
  for (const id of [pending, given]) await outcomeOf(openDesk(db, { wrap: away }).authorize(id));
  await desk.void(given);
  await db.pool.run("update payment set update_time = now() - interval '10 minutes'");
  await letReconcileTimePass(db);
  await desk.reconcile();
  const { rows } = await db.pool.run(
    "select id, state, round(extract(epoch from reconcile_time - now()) / 60)::int as minutes from payment order by state",
  );
  t.deepEqual(rows, [
    { id: pending, state: "PENDING", minutes: 10 },
    { id: given, state: "VOIDED", minutes: 10 },
  ]);
});

test("after a day no charge is expected any more", async (t) => {
  const { db, desk } = await open(t);
  const id = newPaymentId();
  await outcomeOf(openDesk(db, { wrap: away }).authorize(id));
  await db.pool.run("update payment set update_time = now() - interval '25 hours'");
  await letReconcileTimePass(db);
  await desk.reconcile();
  t.like(await booksOf(db, id), { state: "PENDING", payment: { reconcile_time: null } });
});

test("a payment that is asked for again is looked for anew", async (t) => {
  const { db, desk } = await open(t);
  const id = newPaymentId();
  await outcomeOf(openDesk(db, { wrap: away }).authorize(id));
  await db.pool.run("update payment set update_time = now() - interval '25 hours', reconcile_time = null");
  await outcomeOf(openDesk(db, { wrap: losingAnswers }).authorize(id));
  await letReconcileTimePass(db);
  await desk.reconcile();
  t.like(await booksOf(db, id), { state: "AUTHORIZED", statuses: ["authorized"] });
});

test("a payment that cannot be looked up does not stand in the way of the others", async (t) => {
  const { db } = await open(t);
  const ids = [newPaymentId(), newPaymentId(), newPaymentId()];
  for (const id of ids) await outcomeOf(openDesk(db, { wrap: losingAnswers }).authorize(id));
  const picky = openDesk(db, {
    wrap: (provider) => ({
      ...provider,
      findByIdempotencyKey: (key, signal) =>
        key === ids[0]
          ? Promise.reject(new Error("bad gateway"))
          : provider.findByIdempotencyKey(key, signal),
    }),
  });
  await letReconcileTimePass(db);
  await db.pool.run("update payment set reconcile_time = now() - interval '1 hour' where id = $1", [ids[0]]);
  t.is(await outcomeOf(picky.reconcile()), "PROVIDER_UNAVAILABLE");
  await picky.reconcile();
  const states = await Promise.all(ids.map(async (id) => (await booksOf(db, id)).state));
  t.deepEqual(states, ["PENDING", "AUTHORIZED", "AUTHORIZED"]);
});

test("payments that are settled are not looked at", async (t) => {
  const { db, desk } = await open(t);
  const [authorized, captured, voided, declined, tombstone] = Array.from(
    { length: 5 },
    newPaymentId,
  ) as string[];
  for (const id of [authorized, captured, voided]) await desk.authorize(id as string);
  await desk.capture(captured as string);
  await desk.void(voided as string);
  await outcomeOf(desk.authorize(declined as string, "tok_declined"));
  await desk.void(tombstone as string);
  const { rows } = await db.pool.run(
    "select count(*)::int as uncertain from payment where reconcile_time is not null",
  );
  t.deepEqual(rows, [{ uncertain: 0 }]);
});
