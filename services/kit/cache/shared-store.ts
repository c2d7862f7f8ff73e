import type { Redis } from "ioredis";
import type { Dependency } from "../health/readiness.ts";

/** The answers that the replicas of a service share, in Redis. */
export interface SharedStore {
  /** What is there under a key; undefined where there is nothing, or Redis is away or too slow. */
  get(key: string): Promise<Buffer | undefined>;
  /** Puts something there; nobody waits for it. */
  put(key: string, value: Buffer, lifeMs: number): void;
  readonly dependency: Dependency;
}

/** How long one that was too slow is not asked again, in ms. */
const REST_MS = 1_000;

/**
 * Opens what replicas share. It never fails: at worst nothing is there.
 *
 * @param redis the process's connection
 * @param prefix stands before every key
 */
export function openSharedStore(redis: Redis, prefix: string): SharedStore {
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
  };
}
