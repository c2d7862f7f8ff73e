/** What became of one test; what `test/observe-run.ts` writes and `test/run.ts` reads, one JSON object a line. */
export type TestResult =
  | { outcome: "passed"; title: string }
  | { outcome: "failed"; title: string }
  | { outcome: "skipped"; title: string; reason: string }
  /** There is nothing more to come. */
  | { outcome: "end" };

/** The file descriptor on which the results go from ava's process to the runner's. */
export const RESULTS_FD = 3;
