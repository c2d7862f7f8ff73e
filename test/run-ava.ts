import { type ChildProcess, spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { relative, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { boundCommand, sendSignal } from "../deploy/local/process.ts";
import { print } from "./print.ts";
import { RESULTS_FD, type TestResult } from "./results.ts";
import type { Tally } from "./tally.ts";

const root = resolve(import.meta.dirname, "..");

/** How long ava may take to end after an interruption, in milliseconds. */
const endWithinMs = 5000;

/** What ava says of being observed, which is as it should be. */
const chatter = /Experiments are enabled|Using configuration from/;

/**
 * Runs ava, shows what it prints and counts the results. A test, a file or an ava that ends before its time
 * counts as failed.
 *
 * @param files the test files to run, or none for all
 * @param env what to add to the environment of the tests
 * @param signal ends the run when it is aborted
 */
export async function runAva(
  files: readonly string[],
  env: Record<string, string>,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  const before = { total: tally.total(), failed: tally.failed() };
  const { command, args, options } = boundCommand(process.execPath, [
    "node_modules/.bin/ava",
    "--config=test/observed-ava.config.js",
    // One more than there are processors: most files also wait, for leases, deadlines and processes.
    `--concurrency=${availableParallelism() + 1}`,
    ...files.map((file) => relative(root, file)),
  ]);
  const ava = spawn(command, args, {
    ...options,
    cwd: root,
    env: { ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: "1" } : {}), ...env },
    stdio: ["ignore", "pipe", "inherit", "pipe"],
    // A group of its own, so that its processes can be ended with it.
    detached: true,
  });
  let complete = false;
  eachLine(ava.stdio[RESULTS_FD], (line) => {
    const result: TestResult = JSON.parse(line);
    if (result.outcome === "passed") tally.pass();
    else if (result.outcome === "failed") tally.fail(result.title);
    else if (result.outcome === "skipped") tally.skip(result.title, result.reason);
    else complete = true;
  });
  eachLine(ava.stdout, (line) => {
    if (!chatter.test(line)) print(line);
  });

  const ending = await endOf(ava, signal);
  if (signal.aborted) return;
  if (tally.total() === before.total) tally.fail(`no test ran of ${files.join(" ") || "test/"}`, ending);
  else if (!complete) tally.fail("ava ended before the tests did", ending);
  else if (ending !== "exit code 0" && tally.failed() === before.failed) tally.fail("ava", ending);
}

/**
 * Waits until ava ends and ends what it leaves behind.
 *
 * @returns its exit code or the signal that ended it, in words
 */
async function endOf(ava: ChildProcess, signal: AbortSignal): Promise<string> {
  const group = -(ava.pid ?? 0);
  let killer: NodeJS.Timeout | undefined;
  const interrupt = () => {
    ava.kill("SIGINT");
    killer = setTimeout(sendSignal, endWithinMs, group, "SIGKILL");
  };
  signal.addEventListener("abort", interrupt, { once: true });
  try {
    return await new Promise((resolve, reject) => {
      ava.once("error", reject);
      ava.once("close", (code, endedBy) => resolve(endedBy ?? `exit code ${code}`));
    });
  } finally {
    signal.removeEventListener("abort", interrupt);
    clearTimeout(killer);
    if (ava.pid !== undefined) sendSignal(group, "SIGKILL");
  }
}

function eachLine(stream: unknown, read: (line: string) => void): void {
  createInterface({ input: stream as Readable }).on("line", read);
}
