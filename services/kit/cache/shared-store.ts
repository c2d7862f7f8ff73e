import { Redis } from "ioredis";
import type { Logger } from "pino";
import type { Dependency } from "../health/readiness.ts";

/** The answers that the replicas of a service share, in Redis. */
export interface SharedStore {
  /** What is there under a key; undefined where there is nothing, or Redis is away or too slow. */
  get(key: string): Promise<Buffer | undefined>;
  /** Puts something there; nobody waits for it. */
  put(key: string, value: Buffer, lifeMs: number): void;
  readonly dependency: Dependency;
  stop(): void;
}

/** How long Redis may take, in ms: waiting longer would cost more than loading. */
const REDIS_MS = 50;
/** How long one that was too slow is not asked again, in ms. */
const REST_MS = 1_000;

/**
 * Opens what replicas share. It never fails: at worst nothing is there.
 *
 * @param url the Redis server
 * @param prefix stands before every key
 * @param log told once when Redis goes and when it comes back
 */
export function openSharedStore(url: string, prefix: string, log: Logger): SharedStore {
  const redis = connect(url, log);
  let restsUntil = 0;
  const isThere = () => redis.status === "ready" && performance.now() >= restsUntil;
  const rest = () => {
    restsUntil = performance.now() + REST_MS;
  };
  return {
    async get(key) {
      if (!isThere()) return undefined;
      try {
        return (await redis.getBuffer(prefix + key)) ?? undefined;
      } catch {
        rest();
        return undefined;
      }
    },
    put(key, value, lifeMs) {
      if (isThere()) redis.set(prefix + key, value, "PX", Math.ceil(lifeMs)).catch(rest);
    },
    dependency: {
      name: "redis",
      required: false,
      async check() {
        if (redis.status !== "ready")
          throw new Error(`not connected (${redis.status}); answers are remembered in the process`);
        await redis.ping();
      },
    },
    stop: () => redis.disconnect(),
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
    if (!away) log.warn({ error: error.message }, "redis is away; answers are remembered in the process");
    away = true;
  });
  redis.on("ready", () => {
    if (away) log.info("redis is back");
    away = false;
  });
  return redis;
}
