import { createMemory } from "./cache/memory.ts";
import { ConfigurationError, EXIT_CONFIG, meshSettings, readSettings, type Settings } from "./config.ts";
import { createLog } from "./log.ts";
import type { Host, Program, Running } from "./program.ts";
import { connectRedis } from "./redis.ts";
import { startTelemetry } from "./telemetry.ts";

/** How long a process may take to stop, in ms; one that takes longer is ended. */
const STOP_MS = 10_000;
/** How much of that is for work in hand, in ms. */
const GRACE_MS = 8_000;

/** A process that runs programs. */
export interface RunningProcess {
  readonly programs: readonly Running[];
  /** Stops all programs; again, it waits for the same end. */
  stop(): Promise<void>;
}

/**
 * Runs programs as this process until it is told to stop: SIGTERM and SIGINT let them finish, a
 * second one does not. Wrong settings end the process with code 78 and a list of all of them, a
 * program that cannot start with code 1.
 *
 * @param programs what to run
 */
export async function run(...programs: Program[]): Promise<void> {
  const stopping = Promise.withResolvers<void>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      process.once(signal, () => process.exit(1));
      setTimeout(() => process.exit(1), STOP_MS).unref();
      stopping.resolve();
    });
  }
  try {
    const running = await start(programs, process.env);
    await stopping.promise;
    await running.stop();
    process.exit(0);
  } catch (thrown) {
    if (thrown instanceof ConfigurationError) {
      process.stderr.write(
        `${programs.map(({ name }) => name).join(", ")}: settings are wrong\n${thrown.message}\n`,
      );
      process.exit(EXIT_CONFIG);
    }
    process.stderr.write(
      `${programs.map(({ name }) => name).join(", ")} cannot start: ${describe(thrown)}\n`,
    );
    process.exit(1);
  }
}

/**
 * Starts programs in this process.
 *
 * @param programs what to start
 * @param env their settings
 * @param observeSagas told of each moment of each saga
 * @throws ConfigurationError when settings are wrong, or what keeps a program from starting
 */
export async function start(
  programs: readonly Program[],
  env: NodeJS.ProcessEnv,
  observeSagas?: Host["observeSagas"],
): Promise<RunningProcess> {
  const all: Settings = Object.assign({}, meshSettings, ...programs.map(({ settings }) => settings));
  const settings = readSettings(all, env) as Host["settings"];
  const log = createLog(settings.SOUK_LOG_LEVEL, settings.SOUK_LOG_FILE);
  const [only, ...others] = programs;
  const telemetry = await startTelemetry(env, only && others.length === 0 ? only.name : "souk");
  const memory = createMemory(settings.SOUK_CACHE_BYTES);
  const { SOUK_REDIS_URL: redisUrl, SOUK_REDIS_TIMEOUT_MS: commandMs } = settings;
  const redis = redisUrl === undefined ? undefined : connectRedis(redisUrl, commandMs, log);
  const host: Host = { settings, log, telemetry, redis, dispatchers: new Map(), memory, observeSagas };
  const started = await Promise.allSettled(programs.map((program) => program.start(host)));
  const running = started.flatMap((it) => (it.status === "fulfilled" ? [it.value] : []));

  async function stopAll(): Promise<void> {
    for (const { readiness } of running) readiness.drain();
    await Promise.all(running.map((program) => program.stop(GRACE_MS)));
    redis?.disconnect();
    await telemetry.stop();
  }

  let stopped: Promise<void> | undefined;
  function stop(): Promise<void> {
    stopped ??= stopAll();
    return stopped;
  }

  const failed = started.find((it) => it.status === "rejected");
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  return { programs: running, stop };
}

function describe(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
