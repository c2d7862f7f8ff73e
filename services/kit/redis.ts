import { Redis } from "ioredis";
import type { Logger } from "pino";

/** How long Redis may take, in ms: waiting longer would cost more than doing without. */
const COMMAND_MS = 50;
/** After so long without a word the connection is given up, in ms, so that nobody waits for it any more. */
const SILENCE_MS = 200;

/**
 * Connects this process to Redis. It may be away: commands fail at once until it is back.
 *
 * @param url the server
 * @param log told once when it goes and when it comes back
 */
export function connectRedis(url: string, log: Logger): Redis {
  const redis = new Redis(url, {
    commandTimeout: COMMAND_MS,
    socketTimeout: SILENCE_MS,
    connectTimeout: 1_000,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
  });
  let away = false;
  redis.on("error", (error: Error) => {
    if (!away) log.warn({ error: error.message }, "redis is away; this process does without it");
    away = true;
  });
  redis.on("ready", () => {
    if (away) log.info("redis is back");
    away = false;
  });
  return redis;
}
