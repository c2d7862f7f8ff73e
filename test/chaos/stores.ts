import type { ExecutionContext } from "ava";
import { sendSignal } from "../../deploy/local/process.ts";
import { startPostgres } from "../../deploy/local/stores/postgres.ts";
import { startRedis } from "../../deploy/local/stores/redis.ts";
import type { Store, StoreOptions } from "../../deploy/local/stores/store.ts";
import { makePlace } from "../service/local/place.ts";

/** A store of one test, which may be away for a while. Its URL stays the same, and what it stored stays. */
export interface TestStore {
  readonly url: string;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Lets it stand still: it neither answers nor hangs up. */
  freeze(): void;
  thaw(): void;
}

/**
 * Starts a PostgreSQL server for a test that stops it. What it acknowledged survives that.
 *
 * @param t the test after which it is removed
 */
export async function startOwnPostgres(t: ExecutionContext): Promise<TestStore> {
  return (await startOwn(t, (options) => startPostgres({ ...options, durable: true }))) as TestStore;
}

/**
 * Starts a Redis server for a test that stops it.
 *
 * @param t the test after which it is removed
 * @returns undefined where there is no Redis to be had
 */
export function startOwnRedis(t: ExecutionContext): Promise<TestStore | undefined> {
  return startOwn(t, startRedis);
}

async function startOwn(
  t: ExecutionContext,
  start: (options: StoreOptions) => Promise<Store | undefined>,
): Promise<TestStore | undefined> {
  const { dir, supervisor } = makePlace(t);
  const options = {
    dataDir: dir,
    supervisor,
    durable: false,
    env: { PATH: process.env.PATH },
    log: () => {},
  };
  let store = await start({ ...options, port: 0 });
  if (store === undefined) return undefined;
  const { url } = store;
  const port = Number(new URL(url).port);
  const signal = (name: NodeJS.Signals) => {
    for (const child of supervisor.children()) sendSignal(child.pid() as number, name);
  };
  t.teardown(async () => signal("SIGCONT"));
  return {
    url,
    stop: async () => store?.stop(),
    async start() {
      store = await start({ ...options, port });
    },
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
  };
}
