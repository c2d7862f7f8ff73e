import { writeSync } from "node:fs";
import { relative } from "node:path";
import type { Event, ObservedRun } from "ava/internal";
import { RESULTS_FD, type TestResult } from "./results.ts";
import { SKIPPED } from "./tools.ts";

/** What ava tells of a run, with what its types leave out. */
type RunEvent =
  | Exclude<Event, { type: "worker-failed" }>
  | { type: "hook-failed"; title: string; testFile: string }
  | {
      type: "uncaught-exception" | "unhandled-rejection" | "process-exit" | "worker-failed";
      testFile: string;
    }
  | { type: "internal-error"; testFile?: string };

/** What became of a test file. */
interface File {
  /** The titles of the tests that have not ended. */
  pending: Set<string>;
  declaresTests: boolean;
  failed: boolean;
  /** What went wrong outside any test. */
  trouble?: string;
}

/** Writes the result of each test of a run to RESULTS_FD, tests and files that ended before their time included. */
export async function observeRun({ events }: ObservedRun): Promise<void> {
  const files = new Map<string, File>();
  const fileOf = (path: string): File => {
    const known = files.get(path);
    if (known) return known;
    const file = { pending: new Set<string>(), declaresTests: false, failed: false };
    files.set(path, file);
    return file;
  };
  const failed = (path: string, title: string) => {
    fileOf(path).failed = true;
    write({ outcome: "failed", title: `${relative(process.cwd(), path)}: ${title}` });
  };

  for await (const event of events as AsyncIterable<RunEvent>) {
    switch (event.type) {
      case "starting":
        fileOf(event.testFile);
        break;
      case "declared-test":
        fileOf(event.testFile).declaresTests = true;
        break;
      case "selected-test":
        if (event.skip || event.todo) skipped(event.title, event.skip ? "marked as skip" : "marked as todo");
        else fileOf(event.testFile).pending.add(event.title);
        break;
      case "test-passed": {
        fileOf(event.testFile).pending.delete(event.title);
        const reason = event.logs.find((line) => line.startsWith(SKIPPED))?.slice(SKIPPED.length);
        if (event.knownFailing) skipped(event.title, "marked as failing");
        else if (reason) skipped(event.title, reason);
        else write({ outcome: "passed", title: event.title });
        break;
      }
      case "test-failed":
        fileOf(event.testFile).pending.delete(event.title);
        failed(event.testFile, event.title);
        break;
      case "hook-failed":
        failed(event.testFile, event.title);
        break;
      case "timeout":
        for (const path of event.pendingTests.keys()) fileOf(path).trouble = "no test ended for too long";
        break;
      case "uncaught-exception":
      case "unhandled-rejection":
      case "process-exit":
        fileOf(event.testFile).trouble = event.type.replace("-", " ");
        break;
      case "internal-error":
        failed(event.testFile ?? "ava", "internal error");
        break;
      case "worker-failed":
        fileOf(event.testFile).trouble ??= "its process failed";
        break;
      case "worker-finished":
        if (!fileOf(event.testFile).declaresTests) fileOf(event.testFile).trouble ??= "it has no tests";
    }
  }
  for (const [path, { pending, failed: hasFailures, trouble }] of files) {
    for (const title of pending) failed(path, `${title} (it did not end)`);
    if (trouble && pending.size === 0 && !hasFailures) failed(path, trouble);
  }
  write({ outcome: "end" });
}

function skipped(title: string, reason: string): void {
  write({ outcome: "skipped", title, reason });
}

function write(result: TestResult): void {
  writeSync(RESULTS_FD, `${JSON.stringify(result)}\n`);
}
