import test from "ava";
import { meshMigrations } from "#kit/data/mesh-schema.ts";
import { migrate, migrateDown } from "#kit/data/migrate.ts";
import { createDatabase } from "../stores.ts";
import { migrations, openBench, totalOf } from "./kit-bench.ts";

const NAMES = [...meshMigrations, ...migrations].map(({ name }) => name);

test("a database that is missing is made and brought up to date, once", async (t) => {
  const database = await createDatabase(t);
  await database.drop();
  t.deepEqual(await migrate(database.url, migrations), NAMES);
  t.deepEqual(await migrate(database.url, migrations), []);
});

test("migrations that run at once wait for each other", async (t) => {
  const database = await createDatabase(t);
  await database.drop();
  const made = await Promise.all([1, 2, 3].map(() => migrate(database.url, migrations)));
  t.deepEqual(made.flat(), NAMES);
});

test("a service whose schema lacks changes says which, and serves when they are made", async (t) => {
  const { url } = await createDatabase(t);
  await migrate(url, migrations.slice(0, 1));
  const db = openBench(t, url);
  await t.throwsAsync(db.check(), { message: /lacks 0002_note; run the migrations/ });
  await migrate(url, migrations);
  await t.notThrowsAsync(db.check());
});

test("a service without any schema says so", async (t) => {
  const db = openBench(t, (await createDatabase(t)).url);
  await t.throwsAsync(db.check(), { message: /lacks mesh_0001_idempotency/ });
});

test("changes can be undone one by one, and all", async (t) => {
  const { url } = await createDatabase(t);
  await migrate(url, migrations);
  t.deepEqual(await migrateDown(url, migrations, "0001_counter"), ["0002_note"]);
  const db = openBench(t, url);
  t.is(await totalOf(db, "a"), 0n);
  t.deepEqual(await migrateDown(url, migrations, 0), NAMES.slice(0, -1).reverse());
  t.deepEqual(await migrate(url, migrations), NAMES);
});

test("of changes that fail nothing stays", async (t) => {
  const { url } = await createDatabase(t);
  const broken = {
    name: "0003_broken",
    up: "create table half (id int); select 1 / 0",
    down: "drop table half",
  };
  await t.throwsAsync(migrate(url, [...migrations, broken]), { message: /division by zero/ });
  const db = openBench(t, url);
  t.is(
    (await db.pool.run("select to_regclass('half') as half, to_regclass('counter') as counter")).rows[0].half,
    null,
  );
  t.deepEqual(await migrate(url, migrations), NAMES);
});
