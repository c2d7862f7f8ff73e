import { styleText } from "node:util";
import { print } from "./print.ts";

/** Counts what passed, failed and was skipped. */
export interface Tally {
  pass(count?: number): void;
  /** @param details what more there is to say than was printed when it happened */
  fail(what: string, details?: string): void;
  skip(what: string, reason: string): void;
  /** How many failed so far. */
  failed(): number;
  /** How many there are in all. */
  total(): number;
  /** Prints what was skipped and what failed, then the counts. */
  conclude(): void;
}

/** Makes a tally at zero. */
export function createTally(): Tally {
  let passed = 0;
  const failures: string[] = [];
  const skips: string[] = [];
  return {
    pass: (count = 1) => {
      passed += count;
    },
    fail: (what, details) => {
      failures.push(details ? `${what}: ${details}` : what);
    },
    skip: (what, reason) => {
      skips.push(`${what}: ${reason}`);
    },
    failed: () => failures.length,
    total: () => passed + failures.length + skips.length,
    conclude: () => {
      print("");
      for (const line of skips) print(`${styleText("yellow", "- skipped")} ${line}`);
      for (const line of failures) print(`${styleText("red", "✖ failed")} ${line}`);
      print(`${passed} passed, ${failures.length} failed, ${skips.length} skipped`);
    },
  };
}
