import { Redis } from "ioredis";
import type { Logger } from "pino";
import type { Dependency } from "./health/readiness.ts";

/** Remembers what is costly to find out, for a while. */
export interface Cache {
  /**
   * What is remembered under a key, or else what `load` gives. Those who ask at the same time in
   * this process share one load.
   *
   * @param key within the service
   * @param ttlMs how long it is remembered, in ms
   * @param load finds it out; what it throws is not remembered
   */
  remember(key: string, ttlMs: number, load: () => Promise<Uint8Array>): Promise<Uint8Array>;
  readonly dependency: Dependency | undefined;
  stop(): void;
}

/** How long Redis may take, in ms: waiting longer would cost more than loading. */
const REDIS_MS = 50;
/** How many values this process holds on its own. */
const LOCAL_ENTRIES = 1_000;

/**
 * Makes the cache of a service: in Redis, where its replicas share it, and in this process while
 * Redis is away. It never fails: at worst it loads.
 *
 * @param url the Redis server; without one the cache stays in this process
 * @param prefix what stands before every key
 * @param log told once when Redis goes and when it comes back
 */
export function createCache(url: string | undefined, prefix: string, log: Logger): Cache {
  const redis = url === undefined ? undefined : connect(url, log);
  const local = new Map<string, { readonly value: Uint8Array; readonly expiresAt: number }>();
  const loading = new Map<string, Promise<Uint8Array>>();

  async function read(key: string): Promise<Uint8Array | undefined> {
    if (redis?.status === "ready")
      return (await redis.getBuffer(prefix + key).catch(() => null)) ?? undefined;
    const found = local.get(key);
    return found !== undefined && found.expiresAt > Date.now() ? found.value : undefined;
  }

  function write(key: string, ttlMs: number, value: Uint8Array): void {
    if (redis?.status === "ready") {
      redis.set(prefix + key, Buffer.from(value), "PX", ttlMs).catch(() => {});
      return;
    }
    if (local.size >= LOCAL_ENTRIES) local.delete(local.keys().next().value as string);
    local.set(key, { value, expiresAt: Date.now() + ttlMs });
  }

  async function readOrLoad(
    key: string,
    ttlMs: number,
    load: () => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const known = await read(key);
    if (known !== undefined) return known;
    const value = await load();
    write(key, ttlMs, value);
    return value;
  }

  return {
    remember(key, ttlMs, load) {
      let flight = loading.get(key);
      if (flight === undefined) {
        flight = readOrLoad(key, ttlMs, load).finally(() => loading.delete(key));
        loading.set(key, flight);
      }
      return flight;
    },
    dependency: redis && {
      name: "redis",
      required: false,
      async check() {
        if (redis.status !== "ready")
          throw new Error(`not connected (${redis.status}); caches stay in the process`);
        await redis.ping();
      },
    },
    stop() {
      redis?.disconnect();
    },
  };
}

function connect(url: string, log: Logger): Redis {
  const redis = new Redis(url, {
    commandTimeout: REDIS_MS,
    connectTimeout: 1_000,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
  });
  let away = false;
  redis.on("error", (error: Error) => {
    if (!away) log.warn({ error: error.message }, "redis is away; caches stay in this process");
    away = true;
  });
  redis.on("ready", () => {
    if (away) log.info("redis is back");
    away = false;
  });
  return redis;
}
