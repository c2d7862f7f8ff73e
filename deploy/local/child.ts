import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Account,
  boundCommand,
  identifyProcess,
  isRunning,
  type ProcessId,
  sendSignal,
  waitUntil,
} from "./process.ts";

/** A program to start and keep alive. */
export interface ChildSpec {
  /** Names the child in reports, its log file and its pid file; unique within one supervisor. */
  name: string;
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  account?: Account;
  /** Whether the child serves; asked until it says yes. What it throws counts as "not yet". */
  ready(child: { pid: number }): boolean | Promise<boolean>;
  /** How long the child may take to be ready, in milliseconds. 10 seconds by default. */
  readyWithinMs?: number;
  /** Asks the child to end. SIGTERM by default. */
  stopSignal?: NodeJS.Signals;
}

/** A program that runs and is started again when it dies. */
export interface Child {
  name: string;
  logFile: string;
  /** The running process; undefined between a death and the restart. */
  pid(): number | undefined;
  /** How often it was started again. */
  restarts(): number;
  /** Ends it for good: the stop signal, then SIGKILL when the time is up. Safe to call twice. */
  stop(): Promise<void>;
}

/** Where a child's files are kept and who is told of its deaths. */
export interface ChildOptions {
  /** Holds `logs/<name>.log`, the log of the start before as `<name>.1.log`, and `run/<name>.pid`. */
  dir: string;
  /** Gets one line each time a child died. */
  report(line: string): void;
  /** How long a child may take to end before it is killed, in milliseconds. 10 seconds by default. */
  stopWithinMs?: number;
  /** Whether this process may end while children run; the kernel ends them then. False by default. */
  background?: boolean;
}

const defaultStopWithinMs = 10_000;
const firstPauseMs = 100;
const longestPauseMs = 30_000;
const stableAfterMs = 60_000;

/** One run of a child, from its start to its death. */
interface Run {
  process: ChildProcess;
  startedAt: number;
  /** Says how it died, when it did. */
  death: Promise<string>;
  isDead(): boolean;
}

/**
 * Describes a child that start() then starts and keeps alive: one that dies is started again, first after a
 * tenth of a second, then after twice the pause before, up to half a minute.
 *
 * @returns the child; its start() throws, with the end of the log, when the child does not become ready in time
 */
export function createChild(spec: ChildSpec, options: ChildOptions): Child & { start(): Promise<void> } {
  const { stopSignal = "SIGTERM", readyWithinMs = 10_000 } = spec;
  const { stopWithinMs = defaultStopWithinMs } = options;
  const logFile = join(options.dir, "logs", `${spec.name}.log`);
  const pidFile = pidFileOf(options.dir, spec.name);
  let current: Run | undefined;
  let restarts = 0;
  let pauseMs = firstPauseMs;
  let stopping: Promise<void> | undefined;
  let endPause: (() => void) | undefined;

  async function start(): Promise<void> {
    await endLeftover(pidFile, stopSignal, stopWithinMs);
    rotateLog(logFile);
    if (!stopping) void keepAlive(await launch());
    if (!stopping) return;
    await stopping;
    throw new Error(`${spec.name} was stopped while it was starting.`);
  }

  async function launch(): Promise<Run> {
    const run = spawnRun(spec, logFile, pidFile);
    if (options.background) run.process.unref();
    current = run;
    const pid = run.process.pid ?? 0;
    const asked = waitUntil(() => run.isDead() || spec.ready({ pid }), readyWithinMs);
    const ready = await Promise.race([asked, run.death.then(() => true)]);
    if (stopping || (ready && !run.isDead())) return run;
    const problem = ready ? await run.death : `was not ready within ${readyWithinMs / 1000} s`;
    await end(run);
    throw new Error(`${spec.name} ${problem}.${quoteLog(logFile)}`);
  }

  async function keepAlive(run: Run): Promise<void> {
    let death = await run.death;
    if (performance.now() - run.startedAt >= stableAfterMs) pauseMs = firstPauseMs;
    while (!stopping) {
      options.report(`${spec.name} ${death}; starting it again in ${pauseMs / 1000} s (log: ${logFile})`);
      await pause(pauseMs);
      if (stopping) return;
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      restarts += 1;
      try {
        return keepAlive(await launch());
      } catch {
        death = "did not come up";
      }
    }
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      if (options.background) timer.unref();
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function end(run: Run): Promise<void> {
    const { pid } = run.process;
    if (pid === undefined) return;
    if (!run.isDead()) {
      run.process.ref();
      sendSignal(pid, stopSignal);
      const killer = setTimeout(() => sendSignal(-pid, "SIGKILL"), stopWithinMs);
      await run.death;
      clearTimeout(killer);
    }
    // What the child itself started and left behind is in its group.
    sendSignal(-pid, "SIGKILL");
  }

  return {
    name: spec.name,
    logFile,
    start,
    pid: () => (current?.isDead() ? undefined : current?.process.pid),
    restarts: () => restarts,
    stop: () => {
      stopping ??= Promise.resolve().then(async () => {
        endPause?.();
        if (current) await end(current);
      });
      return stopping;
    },
  };
}

/** Ends a child that a supervisor which was killed left behind, and removes its pid file. */
export async function endLeftover(pidFile: string, signal: NodeJS.Signals, withinMs: number): Promise<void> {
  let id: ProcessId;
  try {
    id = JSON.parse(readFileSync(pidFile, "utf8"));
  } catch {
    return;
  }
  if (isRunning(id)) {
    sendSignal(id.pid, signal);
    if (!(await waitUntil(() => !isRunning(id), withinMs))) {
      sendSignal(-id.pid, "SIGKILL");
      await waitUntil(() => !isRunning(id), withinMs);
    }
  }
  rmSync(pidFile, { force: true });
}

function pidFileOf(dir: string, name: string): string {
  return join(dir, "run", `${name}.pid`);
}

function spawnRun(spec: ChildSpec, logFile: string, pidFile: string): Run {
  const { command, args, options } = boundCommand(spec.command, spec.args, spec.account, spec.stopSignal);
  const log = openSync(logFile, "a");
  const child = spawn(command, args, {
    ...options,
    cwd: spec.cwd,
    env: spec.env ?? process.env,
    stdio: ["ignore", log, log],
    // A group of its own: Ctrl-C in the terminal must reach the supervisor alone, which ends them in order.
    detached: true,
  });
  closeSync(log);
  const id = child.pid === undefined ? undefined : identifyProcess(child.pid);
  if (id) writeFileSync(pidFile, JSON.stringify(id));
  let dead = false;
  const death = new Promise<string>((resolve) => {
    const die = (how: string) => {
      dead = true;
      rmSync(pidFile, { force: true });
      resolve(how);
    };
    child.once("error", (error) => die(`could not be run (${error.message})`));
    child.once("exit", (code, signal) => die(signal ? `was ended by ${signal}` : `exited with code ${code}`));
  });
  return { process: child, startedAt: performance.now(), death, isDead: () => dead };
}

function rotateLog(logFile: string): void {
  try {
    renameSync(logFile, logFile.replace(/\.log$/, ".1.log"));
  } catch {
    // There was no start before.
  }
}

/** The last lines of a log, for an error message. */
function quoteLog(logFile: string): string {
  let text = "";
  try {
    text = readFileSync(logFile, "utf8").trimEnd();
  } catch {
    // Then there is nothing to quote.
  }
  if (text === "") return ` It wrote nothing to ${logFile}.`;
  const tail = text.split("\n").slice(-15);
  return ` The end of ${logFile}:\n${tail.map((line) => `  | ${line}`).join("\n")}`;
}
