import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
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

/** Keeps children alive. */
export interface Supervisor {
  /**
   * Starts a child and waits until it is ready. From then on a child that dies is started again,
   * first after a tenth of a second, then after twice the pause before, up to half a minute.
   *
   * @throws Error with the end of the child's log when it does not become ready in time
   */
  start(spec: ChildSpec): Promise<Child>;
  /** The children in the order in which they were started. */
  children(): readonly Child[];
  /** Ends all children, the last started first. Safe to call twice. */
  stop(): Promise<void>;
}

/** Where a supervisor keeps its files and whom it tells what. */
export interface SupervisorOptions {
  /** Holds `logs/<name>.log`, the log of the start before as `<name>.1.log`, and `run/<name>.pid`. */
  dir: string;
  /** Gets one line each time a child died. */
  report(line: string): void;
  /** How long a child may take to end before it is killed, in milliseconds. 10 seconds by default. */
  stopWithinMs?: number;
  /** Whether this process may end while children run; the kernel ends them then. False by default. */
  background?: boolean;
}

const firstPauseMs = 100;
const longestPauseMs = 30_000;
const stableAfterMs = 60_000;

/**
 * Makes a supervisor. Its children do not outlive it, not even when it is killed with SIGKILL: the kernel
 * sends them their stop signal (`PR_SET_PDEATHSIG`, set by setpriv). Where setpriv is missing, the next
 * supervisor of the same folder finds them by their pid files and ends them.
 */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const children: Child[] = [];
  let stopped = false;
  const stopWithinMs = options.stopWithinMs ?? 10_000;
  mkdirSync(join(options.dir, "logs"), { recursive: true });
  mkdirSync(join(options.dir, "run"), { recursive: true });

  async function start(spec: ChildSpec): Promise<Child> {
    const logFile = join(options.dir, "logs", `${spec.name}.log`);
    const pidFile = join(options.dir, "run", `${spec.name}.pid`);
    let current: ChildProcess | undefined;
    let exited: Promise<void> = Promise.resolve();
    let restarts = 0;
    let pauseMs = firstPauseMs;
    let stopping: Promise<void> | undefined;
    let wakeUp: (() => void) | undefined;

    async function launch(): Promise<void> {
      const child = spawnChild(spec, logFile);
      if (options.background) child.unref();
      current = child;
      let death: string | undefined;
      const startedAt = performance.now();
      exited = new Promise((resolve) => {
        child.once("error", (error) => {
          death ??= error.message;
          current = undefined;
          resolve();
        });
        child.once("exit", (code, signal) => {
          death ??= signal ? `was ended by ${signal}` : `exited with code ${code}`;
          current = undefined;
          rmSync(pidFile, { force: true });
          resolve();
        });
      });
      const pid = child.pid;
      if (pid !== undefined) {
        const id = identifyProcess(pid);
        if (id) writeFileSync(pidFile, JSON.stringify(id));
        const within = spec.readyWithinMs ?? 10_000;
        const ready = await Promise.race([
          waitUntil(() => current !== child || spec.ready({ pid }), within),
          exited.then(() => true),
        ]);
        if (!ready) death ??= `was not ready within ${within / 1000} s`;
      } else {
        await exited;
      }
      if (stopping) return;
      if (death !== undefined) {
        await end(child);
        throw new Error(`${spec.name} ${death}.${quoteLog(logFile)}`);
      }
      void exited.then(() => revive(death ?? "died", performance.now() - startedAt));
    }

    async function revive(death: string, livedMs: number): Promise<void> {
      if (livedMs >= stableAfterMs) pauseMs = firstPauseMs;
      for (;;) {
        if (stopping) return;
        options.report(`${spec.name} ${death}; starting it again in ${pauseMs / 1000} s (log: ${logFile})`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, pauseMs);
          wakeUp = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        if (stopping) return;
        pauseMs = Math.min(pauseMs * 2, longestPauseMs);
        restarts += 1;
        try {
          return await launch();
        } catch {
          death = "did not come up";
        }
      }
    }

    async function end(child: ChildProcess): Promise<void> {
      if (child.pid === undefined) return;
      if (current === child) {
        child.ref();
        sendSignal(child.pid, spec.stopSignal ?? "SIGTERM");
        const killer = setTimeout(() => sendSignal(-(child.pid as number), "SIGKILL"), stopWithinMs);
        await exited;
        clearTimeout(killer);
      }
      // What the child itself started and left behind is in its group.
      sendSignal(-child.pid, "SIGKILL");
    }

    const child: Child = {
      name: spec.name,
      logFile,
      pid: () => current?.pid,
      restarts: () => restarts,
      stop: () => {
        stopping ??= (async () => {
          wakeUp?.();
          if (current) await end(current);
          forget();
        })();
        return stopping;
      },
    };
    if (stopped) throw new Error(`${spec.name} was not started: everything is being stopped.`);
    if (children.some(({ name }) => name === spec.name)) throw new Error(`${spec.name} was started already.`);
    const forget = () => {
      const index = children.indexOf(child);
      if (index >= 0) children.splice(index, 1);
    };
    children.push(child);
    try {
      await endLeftover(pidFile, spec.stopSignal ?? "SIGTERM", stopWithinMs);
      rotateLog(logFile);
      if (!stopping) await launch();
      if (stopping) throw new Error(`${spec.name} was stopped while it was starting.`);
    } catch (error) {
      await stopping;
      forget();
      throw error;
    }
    return child;
  }

  return {
    start,
    children: () => children,
    stop: async () => {
      stopped = true;
      for (const child of children.toReversed()) await child.stop();
    },
  };
}

function spawnChild(spec: ChildSpec, logFile: string): ChildProcess {
  const { command, args, options } = boundCommand(spec.command, spec.args, spec.account, spec.stopSignal);
  const log = openSync(logFile, "a");
  try {
    return spawn(command, args, {
      ...options,
      cwd: spec.cwd,
      env: spec.env ?? process.env,
      stdio: ["ignore", log, log],
      // A group of its own: Ctrl-C in the terminal must reach the supervisor alone, which ends them in order.
      detached: true,
    });
  } finally {
    closeSync(log);
  }
}

/** Ends what a supervisor that was killed left behind under this pid file. */
async function endLeftover(pidFile: string, signal: NodeJS.Signals, withinMs: number): Promise<void> {
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
