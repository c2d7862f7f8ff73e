import { Redis } from "ioredis";
import type { Logger } from "pino";

/** After so many times of what a command may take without an answer, the connection is given up. */
const SILENT_TIMES = 4;

/**
 * Connects this process to Redis. It may be away: commands fail at once until it is back.
 *
 * @param url the server
 * @param commandMs how long a command may take, in ms: waiting longer would cost more than doing without
 * @param log told once when it goes and when it comes back
 */
export function connectRedis(url: string, commandMs: number, log: Logger): Redis {
  const redis = new Redis(url, {
    connectTimeout: 1_000,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
  });
  limitCommands(redis, commandMs);
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

/**
 * Has a command fail that is not answered in time, and gives the connection up where no answer comes at all, so that
 * nobody waits for it any more. The library's own limits take Redis for away after a pause of this process, too.
 */
function limitCommands(redis: Redis, commandMs: number): void {
  const { sendCommand } = redis;
  redis.sendCommand = (command, stream) => {
    const { resolve, reject } = command;
    const late = () => new Error(`redis did not answer within ${commandMs} ms`);
    const timers = [
      whenLate(commandMs, () => reject(late())),
      whenLate(commandMs * SILENT_TIMES, () => redis.stream.destroy(late())),
    ];
    const answered = () => {
      for (const { cancel } of timers) cancel();
    };
    command.resolve = (value) => {
      answered();
      return resolve(value);
    };
    command.reject = (error) => {
      answered();
      reject(error);
    };
    return sendCommand.call(redis, command, stream);
  };
}

/** Acts when the time is up, but reads first what came while this process was busy. */
function whenLate(ms: number, act: () => void): { cancel(): void } {
  let immediate: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    immediate = setImmediate(act);
  }, ms);
  return {
    cancel() {
      clearTimeout(timer);
      clearImmediate(immediate);
    },
  };
}
