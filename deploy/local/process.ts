import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A process that cannot be confused with a later one that got the same number. */
export interface ProcessId {
  pid: number;
  /** When the process started, in clock ticks since the machine came up (proc(5), field 22). */
  startedAt: number;
}

/**
 * Tells who a process is.
 *
 * @param pid the process number
 * @returns undefined when no such process runs (a zombie does not run)
 */
export function identifyProcess(pid: number): ProcessId | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is the program's name in brackets and may itself hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    return { pid, startedAt: Number(fields[19]) };
  } catch {
    return undefined;
  }
}

/** Tells whether exactly this process still runs. */
export function isRunning(id: ProcessId): boolean {
  return identifyProcess(id.pid)?.startedAt === id.startedAt;
}

/** The command line of a process, its arguments separated by spaces; undefined when it may not be read. */
export function commandLine(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    return text === "" ? undefined : text;
  } catch {
    return undefined;
  }
}

/**
 * Sends a signal to a process, or with a negative number to its group.
 *
 * @returns false when there is no such process
 */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * Waits until a condition holds, asking again and again with growing pauses.
 *
 * @param condition what to wait for; what it throws counts as "not yet"
 * @param deadlineMs how long to wait at most
 * @returns false when the deadline passed first
 */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  deadlineMs: number,
): Promise<boolean> {
  const end = performance.now() + deadlineMs;
  for (let pause = 4; ; pause = Math.min(pause * 1.3, 100)) {
    const left = end - performance.now();
    if (left <= 0) return false;
    if (await within(left, condition)) return true;
    await new Promise((resolve) => setTimeout(resolve, Math.min(pause, left)));
  }
}

async function within(ms: number, condition: () => boolean | Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([condition(), timeUp]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

/** The account under which a child runs. */
export interface Account {
  /** Only root may name one. */
  uid?: number;
  gid?: number;
  /** Linux capabilities that the child keeps although it does not run as root, e.g. "dac_read_search". */
  capabilities?: readonly string[];
}

/** How to call spawn(). */
export interface Command {
  command: string;
  args: string[];
  options: { uid?: number; gid?: number };
}

/**
 * Wraps a command so that the kernel ends it when this process dies, in whatever way
 * (`PR_SET_PDEATHSIG`, prctl(2)), and so that it runs under the given account.
 *
 * @param deathSignal what the child gets when this process dies
 * @throws Error when capabilities are asked for and util-linux' setpriv is missing; without capabilities
 *   the command then runs unwrapped
 */
export function boundCommand(
  command: string,
  args: readonly string[],
  account: Account = {},
  deathSignal: NodeJS.Signals = "SIGTERM",
): Command {
  const setpriv = findSetpriv();
  if (!setpriv) {
    if (account.capabilities) throw new Error("setpriv (package util-linux) is not on PATH.");
    return { command, args: [...args], options: { uid: account.uid, gid: account.gid } };
  }
  const wrap = ["--pdeathsig", deathSignal.slice("SIG".length)];
  if (account.uid !== undefined) {
    wrap.push(
      "--reuid",
      String(account.uid),
      "--regid",
      String(account.gid ?? account.uid),
      "--clear-groups",
    );
  }
  if (account.capabilities) {
    const kept = account.capabilities.map((name) => `+${name}`).join(",");
    // access(2) sets capabilities aside for everybody but root, unless this bit is set (capabilities(7)).
    wrap.push("--securebits", "+no_setuid_fixup", "--inh-caps", kept, "--ambient-caps", kept);
  }
  // When this process died before the request to the kernel, the signal never comes; then the parent is another.
  const script = 'test "$PPID" = "$0" && exec "$@"';
  const guard = ["/bin/sh", "-c", script, String(process.pid)];
  return { command: setpriv, args: [...wrap, "--", ...guard, command, ...args], options: {} };
}

let setprivPath: string | undefined | null = null;

function findSetpriv(): string | undefined {
  if (setprivPath === null) {
    // BusyBox has a smaller program of the same name, which cannot do it.
    const help = spawnSync("setpriv", ["--help"], { encoding: "utf8", timeout: 5000 });
    setprivPath = help.stdout?.includes("--pdeathsig") ? "setpriv" : undefined;
  }
  return setprivPath;
}
