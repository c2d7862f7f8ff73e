import { statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import test from "ava";
import { waitUntil } from "../../../deploy/local/process.ts";
import { databaseUrl, withConnection } from "../../../deploy/local/stores/databases.ts";
import { startPostgres } from "../../../deploy/local/stores/postgres.ts";
import { createDatabase, testStores } from "../../stores.ts";
import { makePlace } from "./place.ts";

const ask = (url: string, sql: string) =>
  withConnection(url, async (client) => (await client.query(sql)).rows);

test("a database of a test takes the extensions that the shop needs", async (t) => {
  const { url } = await createDatabase(t);
  await ask(url, "CREATE EXTENSION pg_trgm");
  await ask(url, "CREATE EXTENSION unaccent");
  const rows = await ask(
    url,
    "SELECT unaccent('Café') AS plain, similarity('shirt', 'shrit') > 0.1 AS close",
  );
  t.deepEqual(rows, [{ plain: "Cafe", close: true }]);
});

test("data, password and databases survive a restart, and a database that is new is made", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const options = { dataDir: join(dir, "postgres"), supervisor, port: 0, env: {}, log: t.log };
  const first = await startPostgres({ ...options, databases: ["order"] });
  await ask(databaseUrl(first.url, "order"), "CREATE TABLE kept AS SELECT 7 AS seven");
  await first.stop();

  const second = await startPostgres({ ...options, databases: ["order", "user"] });
  t.deepEqual(await ask(databaseUrl(second.url, "order"), "SELECT seven FROM kept"), [{ seven: 7 }]);
  t.deepEqual(await ask(databaseUrl(second.url, "user"), "SELECT current_database() AS name"), [
    { name: "user" },
  ]);
  t.is(new URL(second.url).password, new URL(first.url).password);
});

test("nobody gets in without the password, which only its owner can read", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const dataDir = join(dir, "postgres");
  const store = await startPostgres({ dataDir, supervisor, port: 0, durable: false, env: {}, log: t.log });
  const wrong = new URL(store.url);
  wrong.password = "guess";
  await t.throwsAsync(ask(wrong.href, "SELECT 1"), { message: /password authentication failed/ });
  t.is(statSync(join(dataDir, "password")).mode & 0o777, 0o600);
});

test("what is acknowledged is on disk, unless durability is declined", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const sql = "SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit";
  const store = await startPostgres({
    dataDir: join(dir, "postgres"),
    supervisor,
    port: 0,
    env: {},
    log: t.log,
  });
  t.deepEqual(await ask(store.url, sql), [{ fsync: "on", commit: "on" }]);
  t.deepEqual(await ask((await testStores()).postgresUrl, sql), [{ fsync: "off", commit: "off" }]);
});

test("a server that is killed comes back at the same address with its data", async (t) => {
  const { dir, supervisor, reports } = makePlace(t);
  const store = await startPostgres({
    dataDir: join(dir, "postgres"),
    supervisor,
    port: 0,
    env: {},
    log: t.log,
  });
  await ask(store.url, "CREATE TABLE kept AS SELECT 7 AS seven");
  const [child] = supervisor.children();
  process.kill(child?.pid() as number, "SIGKILL");
  const back = () => ask(store.url, "SELECT seven FROM kept").then((rows) => rows.length === 1);
  t.true(await waitUntil(async () => child?.restarts() !== 0 && (await back()), 30_000));
  t.regex(reports[0] ?? "", /^postgres was ended by SIGKILL; starting it again in 0\.1 s/);
});

test("a server of the environment is used, its version and rights are checked", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const { postgresUrl } = await testStores();
  const env = { SOUK_POSTGRES_URL: postgresUrl };
  const store = await startPostgres({ dataDir: join(dir, "postgres"), supervisor, env, log: t.log });
  t.like(store, { source: "environment", url: postgresUrl, address: new URL(postgresUrl).host });
  t.regex(store.version, /^\d+\.\d+/);

  const { url } = await createDatabase(t);
  const role = `guest_${Date.now()}`;
  await ask(url, `CREATE ROLE ${role} LOGIN PASSWORD 'guest'`);
  t.teardown(async () => void (await ask(postgresUrl, `DROP ROLE ${role}`)));
  const guest = new URL(url);
  guest.username = role;
  guest.password = "guest";
  const asGuest = { dataDir: dir, supervisor, env: { SOUK_POSTGRES_URL: guest.href }, log: t.log };
  await t.throwsAsync(startPostgres(asGuest), {
    message: /may not create databases. Grant it with ALTER ROLE/,
  });
});

test("an address of the environment where nothing listens is named with the remedy", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const env = { SOUK_POSTGRES_URL: "postgres://souk@127.0.0.1:1/postgres" };
  await t.throwsAsync(startPostgres({ dataDir: dir, supervisor, env, log: t.log }), {
    message: /SOUK_POSTGRES_URL cannot be used: .*ECONNREFUSED.* unset it to have a server started here/,
  });
});

test("a port in use is named with its owner", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => void server.close());
  const { port } = server.address() as { port: number };
  const options = { dataDir: join(dir, "postgres"), supervisor, port, durable: false, env: {}, log: t.log };
  const owner = `needs port ${port} on 127\\.0\\.0\\.1, which is in use by process ${process.pid} \\(.*node`;
  const remedy = "set SOUK_POSTGRES_PORT to another port";
  await t.throwsAsync(startPostgres(options), { message: new RegExp(`${owner}.*${remedy}`) });
});

test("data of another major version are refused with the remedy", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const options = {
    dataDir: join(dir, "postgres"),
    supervisor,
    port: 0,
    durable: false,
    env: {},
    log: t.log,
  };
  await (await startPostgres(options)).stop();
  writeFileSync(join(dir, "postgres", "data", "PG_VERSION"), "9\n");
  await t.throwsAsync(startPostgres(options), { message: /made by PostgreSQL 9, the server is .*--fresh/ });
});
