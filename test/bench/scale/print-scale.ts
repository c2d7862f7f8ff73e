import { print } from "../../print.ts";
import { formatNumber, printColumns } from "../figures.ts";
import type { ScaleFigures } from "./scale-cost.ts";

/** How much longer a call may take in the large shop. */
const GOAL = 2;

/**
 * Prints what was measured in a small shop beside what was in a large one.
 *
 * @param figures the small one and the large one
 */
export function printScale([small, large]: readonly [ScaleFigures, ScaleFigures]): void {
  const few = formatNumber(small.size.orders);
  const many = formatNumber(large.size.orders);
  printColumns([
    [
      "call",
      `p50 of ${few}`,
      `p50 of ${many}`,
      `p99 of ${few}`,
      `p99 of ${many}`,
      "ratio",
      "goal",
      "SQL",
      "SQL",
      "failed",
    ],
    ...large.paths.map(({ path, load, statements }, index) => {
      const before = small.paths[index]?.load ?? load;
      return [
        path.name,
        before.p50Ms.toFixed(2),
        load.p50Ms.toFixed(2),
        before.p99Ms.toFixed(2),
        load.p99Ms.toFixed(2),
        (load.p99Ms / before.p99Ms).toFixed(2),
        String(GOAL),
        String(small.paths[index]?.statements ?? ""),
        String(statements),
        String(before.failed + load.failed),
      ];
    }),
  ]);
  for (const { path, load } of [...small.paths, ...large.paths])
    if (load.failed > 0) print(`  ${path.name}: ${load.failed} failed: ${load.failure}`);
  print("\n  jobs, once each, in ms");
  printColumns([
    ["job", few, many, "failure"],
    ...large.jobs.map(({ service, name, tookMs, error }) => {
      const before = small.jobs.find((run) => run.service === service && run.name === name);
      return [`${service}: ${name}`, formatMs(before?.tookMs), formatMs(tookMs), error];
    }),
  ]);
}

function formatMs(ms = Number.NaN): string {
  return Number.isNaN(ms) ? "not in time" : formatNumber(ms);
}
