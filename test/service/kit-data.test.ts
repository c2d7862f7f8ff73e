import { setTimeout as delay } from "node:timers/promises";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { ReservationExpiredSchema } from "#gen/souk/inventory/v1/events_pb.ts";
import { SetLogLevelResponseSchema } from "#gen/souk/mesh/v1/operations_pb.ts";
import { violates } from "#kit/data/failure.ts";
import { Code, isMeshRefusal, MeshReason } from "#kit/error.ts";
import { add, answer, callScope, counter, makeDatabase, openBench, totalOf } from "./kit-bench.ts";
import { layCable } from "./kit-cable.ts";

test("a change, its events and the answer under its key are stored together", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const scope = callScope("key");
  const before = db.pool.statements();
  await db.write(scope, async (tx) => {
    await add(tx, "a");
    tx.emit(ReservationExpiredSchema, { reservationId: "r-1" });
    tx.emit(ReservationExpiredSchema, { reservationId: "r-2" });
    return answer("done");
  });
  t.is(db.pool.statements() - before, 5, "BEGIN, the claim of the key, the change, the end, COMMIT");
  t.true(scope.idempotency?.kept);
  const { rows } = await db.pool.run("select * from mesh.outbox order by seq");
  t.like(rows, [
    { aggregate_id: "r-1", subject: "inventory.v1.ReservationExpired.r-1", request_id: scope.requestId },
    { aggregate_id: "r-2", type: "souk.inventory.v1.ReservationExpired" },
  ]);
  t.is((await db.pool.run("select from mesh.idempotency where answer is not null")).rowCount, 1);
});

test("of work that fails nothing stays, and its key is free again", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const failing = db.write(callScope("key"), async (tx) => {
    await add(tx, "a");
    tx.emit(ReservationExpiredSchema, { reservationId: "r" });
    throw new Error("changed my mind");
  });
  await t.throwsAsync(failing, { message: "changed my mind" });
  t.is(await totalOf(db, "a"), 0n);
  for (const table of ["outbox", "idempotency"]) {
    t.is((await db.pool.run(`select from mesh.${table}`)).rowCount, 0, table);
  }
  const { previousLevel } = await db.write(callScope("key"), async () => answer("second"));
  t.is(previousLevel, "second");
});

test("equal calls at the same time take effect once and get one answer", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const scopes = Array.from({ length: 20 }, () => callScope("key"));
  const answers = await Promise.all(
    scopes.map((scope) => db.write(scope, async (tx) => answer(`${await add(tx, "a")} ${uuidv7()}`))),
  );
  t.is(new Set(answers.map(({ previousLevel }) => previousLevel)).size, 1);
  t.is(await totalOf(db, "a"), 1n);
  t.true(scopes.every((scope) => scope.idempotency?.kept));
});

test("a key that comes with another request is refused", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  await db.write(callScope("key", "this"), async () => answer(""));
  const again = db.write(callScope("key", "that"), async (tx) => answer(String(await add(tx, "a"))));
  const error = await t.throwsAsync(again);
  t.true(isMeshRefusal(error, MeshReason.IDEMPOTENCY_KEY_REUSED));
  t.is(await totalOf(db, "a"), 0n);
});

test("a call keeps its key with one write, and returns the method's answer from it", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const scope = callScope("key");
  const wrong = db.write(scope, async (tx) => add(tx, "a"));
  await t.throwsAsync(wrong, { message: /must return a souk.mesh.v1.SetLogLevelResponse/ });
  t.is(await totalOf(db, "a"), 0n);
  await db.write(scope, async () => answer(""));
  await t.throwsAsync(
    db.write(scope, async () => answer("")),
    { message: /Only one write/ },
  );
});

test("the mapper and the query builder work in the same transaction", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  await db.write(callScope(), async (tx) => {
    tx.em.create(counter, { id: "made", total: 3n });
    await tx.em.flush();
    await add(tx, "made");
    const found = await tx.em.findOneOrFail(counter, "made", { refresh: true });
    t.is(found.total, 4n);
    found.total = 9n;
  });
  t.is(await totalOf(db, "made"), 9n);
  const failing = db.write(callScope(), async (tx) => {
    tx.em.create(counter, { id: "lost", total: 3n });
    await tx.em.flush();
    throw new Error("no");
  });
  await t.throwsAsync(failing);
  t.is(await totalOf(db, "lost"), 0n);
});

test("statements that do not wait for each other travel together and end in order", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  await db.write(callScope(), async (tx) => {
    t.deepEqual(await Promise.all([add(tx, "a"), add(tx, "a"), add(tx, "a")]), [1n, 2n, 3n]);
  });
  t.is(await totalOf(db, "a"), 3n);
});

test("a write whose work passed over the error of a statement fails instead of losing the rest in silence", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const write = db.write(callScope(), async (tx) => {
    await add(tx, "a");
    const error = await t.throwsAsync(add(tx, "a", -5n));
    t.true(violates(error, "counter_total_check"));
    t.false(violates(error, "counter_pkey"));
  });
  await t.throwsAsync(write, { message: /failed before/ });
  t.is(await totalOf(db, "a"), 0n);
});

test("what is sent after the end of a transaction is refused", async (t) => {
  const db = openBench(t, await makeDatabase(t), 1);
  const leaked = await db.write(callScope(), async (tx) => tx);
  await t.throwsAsync(add(leaked, "a"), { message: /has ended/ });
  t.is(await totalOf(db, "a"), 0n);
});

test("a write that sends nothing costs nothing", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const before = db.pool.statements();
  t.is(await db.write(callScope(), async () => 42), 42);
  t.is(db.pool.statements(), before);
});

test("transactions that lock each other out are done again until all succeed", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const both = Promise.withResolvers<void>();
  let inside = 0;
  const cross = (first: string, second: string) =>
    db.write(callScope(), async (tx) => {
      await add(tx, first);
      if (++inside === 2) both.resolve();
      await both.promise;
      await add(tx, second);
    });
  await Promise.all([cross("a", "b"), cross("b", "a")]);
  t.deepEqual([await totalOf(db, "a"), await totalOf(db, "b")], [2n, 2n]);
  t.true(inside > 2);
});

test("work that takes longer than its caller waits is undone", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const scope = callScope(undefined, "", 500);
  const write = db.write(scope, async (tx) => {
    await add(tx, "a");
    while (Date.now() < scope.deadline) await delay(10);
  });
  const error = await t.throwsAsync(write);
  t.true(isMeshRefusal(error, MeshReason.DEADLINE_EXCEEDED));
  t.is(await totalOf(db, "a"), 0n);
});

test("who waits for a connection waits no longer than its deadline", async (t) => {
  const db = openBench(t, await makeDatabase(t), 1);
  const busy = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const long = db.write(callScope(), async (tx) => {
    await add(tx, "a");
    begun.resolve();
    await busy.promise;
  });
  await begun.promise;
  const error = await t.throwsAsync(db.write(callScope(undefined, "", 50), (tx) => add(tx, "b")));
  t.true(isMeshRefusal(error, MeshReason.DEADLINE_EXCEEDED));
  busy.resolve();
  await long;
  t.is(await db.write(callScope(), (tx) => add(tx, "b")), 1n, "the connection came back");
});

test("while the database is away calls are refused at once, and when it is back they succeed", async (t) => {
  const cable = await layCable(t, await makeDatabase(t));
  const db = openBench(t, cable.url);
  await db.write(callScope(), (tx) => add(tx, "a"));
  await cable.cut();
  for (const call of [() => totalOf(db, "a"), () => db.write(callScope(), (tx) => add(tx, "a"))]) {
    const error = await t.throwsAsync(call());
    t.true(isMeshRefusal(error, MeshReason.DEPENDENCY_UNAVAILABLE));
    t.like(error, { code: Code.UNAVAILABLE });
  }
  await t.throwsAsync(db.check());
  await cable.mend();
  t.is(await db.write(callScope(), (tx) => add(tx, "a")), 2n);
  await t.notThrowsAsync(db.check());
});

test("a transaction whose connection breaks is undone and refused", async (t) => {
  const cable = await layCable(t, await makeDatabase(t));
  const db = openBench(t, cable.url);
  const write = db.write(callScope("key"), async (tx) => {
    await add(tx, "a");
    await cable.cut();
    return answer(String(await add(tx, "a")));
  });
  t.true(isMeshRefusal(await t.throwsAsync(write), MeshReason.DEPENDENCY_UNAVAILABLE));
  await cable.mend();
  const { previousLevel } = await db.write(callScope("key"), async (tx) =>
    answer(String(await add(tx, "a"))),
  );
  t.is(previousLevel, "1");
});

test("a migration beside running services does not disturb them", async (t) => {
  const db = openBench(t, await makeDatabase(t), 3);
  const all = () => db.sql.selectFrom("counter").selectAll().where("id", "=", "a").execute();
  const change = () =>
    db.write(callScope(), (tx) =>
      add(tx, "a").then(() => tx.sql.selectFrom("counter").selectAll().where("id", "=", "a").execute()),
    );
  await Promise.all([change(), change(), change()]);
  await Promise.all([all(), all(), all()]);
  await db.pool.run("alter table counter add column colour text");
  for (const rows of await Promise.all([all(), change(), all(), change(), all(), change()])) {
    t.is(rows.length, 1);
  }
});

test("an event needs the contract's option, a usable id and a size that streams take", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  await db.write(callScope(), async (tx) => {
    t.throws(() => tx.emit(ReservationExpiredSchema, { reservationId: "" }), { message: /needs an id/ });
    t.throws(() => tx.emit(ReservationExpiredSchema, { reservationId: "a.b" }), { message: /needs an id/ });
    t.throws(() => tx.emit(ReservationExpiredSchema, { reservationId: "x".repeat(600_000) }), {
      message: /bytes/,
    });
    t.throws(() => tx.emit(SetLogLevelResponseSchema, {}), { message: /is no event/ });
  });
});
