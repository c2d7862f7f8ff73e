import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identifyProcess, isRunning, type ProcessId, sendSignal } from "../deploy/local/process.ts";
import { databaseUrl, dropDatabase, withConnection } from "../deploy/local/stores/databases.ts";
import { startNats as startNatsServer } from "../deploy/local/stores/nats.ts";
import { startPostgres } from "../deploy/local/stores/postgres.ts";
import { startRedis } from "../deploy/local/stores/redis.ts";
import type { Store } from "../deploy/local/stores/store.ts";
import { createSupervisor, type Supervisor } from "../deploy/local/supervisor.ts";

/** The addresses of the stores that tests share. */
export interface TestStores {
  /** The database "postgres" of a PostgreSQL server; tests make their own with createDatabase. */
  postgresUrl: string;
  /** A NATS server with JetStream; tests put a prefix of their own before streams and subjects. */
  natsUrl: string;
  /** A Redis server; undefined where there is none. Tests put a prefix of their own before keys. */
  redisUrl?: string;
  /** How the names of databases begin that are copied and dropped at the end of the run. */
  templatePrefix: string;
}

/** A database of one test. */
export interface TestDatabase extends AsyncDisposable {
  name: string;
  url: string;
  /** Ends the connections to it and removes it. Safe to call twice. */
  drop(): Promise<void>;
}

/** A NATS server of one test, which may be stopped and started. */
export interface TestNats extends AsyncDisposable {
  /** Stays the same when it is started again. */
  url: string;
  /** Ends the server; what JetStream stored stays. */
  stop(): Promise<void>;
  /** Starts it again on the same port with the same data. */
  start(): Promise<void>;
  /** Ends the server and removes what JetStream stored. */
  lose(): Promise<void>;
  /** Ends the server and removes its data. */
  remove(): Promise<void>;
}

/** What runs a test: ava's `t`, or anything that runs functions when the test is over. */
export interface Teardown {
  teardown(work: () => Promise<void>): void;
}

/**
 * Starts the stores for one run of the tests. The runner passes `env` to the processes of the tests, so that
 * all share the stores, and calls `stop` in the end. Stores that the environment names already are used.
 *
 * @throws Error that names the remedy when PostgreSQL or NATS is not to be had
 */
export async function startTestStores(): Promise<{
  env: Record<string, string>;
  stores: Store[];
  stop(): Promise<void>;
}> {
  const place = makePlace();
  const { supervisor } = place;
  const options = (name: string) => ({
    dataDir: join(place.dir, name),
    supervisor,
    port: 0,
    durable: false,
    env: {
      ...process.env,
      SOUK_POSTGRES_URL: process.env.SOUK_TEST_POSTGRES_URL,
      SOUK_NATS_URL: process.env.SOUK_TEST_NATS_URL,
      SOUK_REDIS_URL: process.env.SOUK_TEST_REDIS_URL,
    },
    log: (line: string) => process.stderr.write(`${line}\n`),
  });
  const templatePrefix = `template_${randomBytes(8).toString("hex")}_`;
  try {
    const [postgres, nats, redis] = await Promise.all([
      startPostgres(options("postgres")),
      startNatsServer(options("nats")),
      startRedis(options("redis")),
    ]);
    const env: Record<string, string> = {
      SOUK_TEST_POSTGRES_URL: postgres.url,
      SOUK_TEST_NATS_URL: nats.url,
      // An empty address says that there is none, so that no test process looks for one again.
      SOUK_TEST_REDIS_URL: redis?.url ?? "",
      SOUK_TEST_TEMPLATES: templatePrefix,
    };
    const stores = redis ? [postgres, nats, redis] : [postgres, nats];
    const stop = async () => {
      // A server that is not ours outlives the run.
      if (process.env.SOUK_TEST_POSTGRES_URL) await dropAll(postgres.url, templatePrefix);
      await place.remove();
    };
    return { env, stores, stop };
  } catch (error) {
    await place.remove();
    throw error;
  }
}

let shared: Promise<TestStores> | undefined;

/**
 * The stores of this run of the tests: those that the runner started, or, when a test file is run alone,
 * stores that start at the first call and end with this process.
 */
export function testStores(): Promise<TestStores> {
  shared ??= (async () => {
    const env = process.env.SOUK_TEST_TEMPLATES ? process.env : (await startTestStores()).env;
    return {
      postgresUrl: env.SOUK_TEST_POSTGRES_URL as string,
      natsUrl: env.SOUK_TEST_NATS_URL as string,
      redisUrl: env.SOUK_TEST_REDIS_URL || undefined,
      templatePrefix: env.SOUK_TEST_TEMPLATES as string,
    };
  })();
  return shared;
}

/**
 * Makes a database that no other test knows.
 *
 * @param t the test after which the database is dropped; without it, the caller drops it
 * @param template the database that it becomes a copy of
 */
export async function createDatabase(t?: Teardown, template = "template1"): Promise<TestDatabase> {
  const { postgresUrl } = await testStores();
  const name = `test_${randomBytes(8).toString("hex")}`;
  // Where nothing waits for the disk, copying files is faster than writing them through the log.
  const sql = `CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`;
  await withConnection(postgresUrl, (client) => client.query(sql));
  const drop = () => dropDatabase(postgresUrl, name);
  t?.teardown(drop);
  return { name, url: databaseUrl(postgresUrl, name), drop, [Symbol.asyncDispose]: drop };
}

async function dropAll(postgresUrl: string, namePrefix: string): Promise<void> {
  const { rows } = await withConnection(postgresUrl, (client) =>
    client.query("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", [namePrefix]),
  );
  for (const { datname } of rows) await dropDatabase(postgresUrl, datname);
}

/**
 * Starts a NATS server with JetStream for tests that stop it.
 *
 * @param t the test after which it is removed; without it, the caller removes it
 */
export async function startNats(t?: Teardown): Promise<TestNats> {
  const place = makePlace();
  t?.teardown(place.remove);
  const options = {
    dataDir: join(place.dir, "nats"),
    supervisor: place.supervisor,
    durable: false,
    env: { PATH: process.env.PATH },
    log: () => {},
  };
  let store = await startNatsServer({ ...options, port: 0 });
  const port = Number(new URL(store.url).port);
  return {
    url: store.url,
    stop: () => store.stop(),
    start: async () => {
      await store.stop();
      store = await startNatsServer({ ...options, port });
    },
    lose: async () => {
      await store.stop();
      removeFolder(options.dataDir);
    },
    remove: place.remove,
    [Symbol.asyncDispose]: place.remove,
  };
}

const prefix = "souk-test-";
const memory = "/dev/shm";
const roomyBytes = 2 * 1024 ** 3;

interface Place {
  dir: string;
  supervisor: Supervisor;
  remove(): Promise<void>;
}

/** A temporary folder with a supervisor; both are gone at the latest when this process ends. */
function makePlace(): Place {
  for (const base of [memory, tmpdir()]) removeLeftovers(base);
  const self = identifyProcess(process.pid) as ProcessId;
  const base = isRoomy(memory) ? memory : tmpdir();
  const dir = mkdtempSync(join(base, `${prefix}${self.pid}-${self.startedAt}-`));
  const report = (line: string) => process.stderr.write(`${line}\n`);
  const supervisor = createSupervisor({ dir, report, background: true });
  const atExit = () => {
    for (const child of supervisor.children()) {
      const pid = child.pid();
      if (pid !== undefined) sendSignal(-pid, "SIGKILL");
    }
    removeFolder(dir);
  };
  process.once("exit", atExit);
  return {
    dir,
    supervisor,
    remove: async () => {
      await supervisor.stop();
      process.off("exit", atExit);
      removeFolder(dir);
    },
  };
}

/** Whether a file system in memory has room for the stores: it is faster than a disk, but in containers small. */
function isRoomy(dir: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize > roomyBytes;
  } catch {
    return false;
  }
}

/** Removes the folders of test processes that were killed; the kernel has ended their servers. */
function removeLeftovers(base: string): void {
  const names = existsSync(base) ? readdirSync(base).filter((name) => name.startsWith(prefix)) : [];
  for (const name of names) {
    const [pid, startedAt] = name.slice(prefix.length).split("-").map(Number);
    const dir = join(base, name);
    if (isRunning({ pid: pid ?? 0, startedAt: startedAt ?? 0 })) continue;
    if (statSync(dir, { throwIfNoEntry: false })?.uid === process.getuid?.()) removeFolder(dir);
  }
}

function removeFolder(dir: string): void {
  // A server that is just dying may still put a file there.
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}
