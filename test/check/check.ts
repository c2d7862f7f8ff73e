import { styleText } from "node:util";
import { printImports } from "../../deploy/contracts/generate.ts";
import { print } from "../print.ts";
import type { Outcome } from "./outcome.ts";
import { steps } from "./steps.ts";

/** How the check went. */
export interface CheckResult {
  passed: number;
  skipped: { name: string; reason: string }[];
  /** The names of the steps that failed. */
  failures: string[];
}

/**
 * Runs every step of the check side by side, and prints a line for each as it ends and what the failed ones
 * had to say after that.
 *
 * @param signal aborted when nobody waits for the result any more
 */
export async function check(signal: AbortSignal): Promise<CheckResult> {
  const result: CheckResult = { passed: 0, skipped: [], failures: [] };
  const complaints: string[] = [];
  printImports();
  await Promise.all(
    steps.map(async (step) => {
      const startedAt = performance.now();
      const outcome = await step.run(signal).catch(failed);
      const seconds = `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
      if (signal.aborted) return;
      switch (outcome.kind) {
        case "passed":
          result.passed++;
          print(`${styleText("green", "✔")} ${step.name} ${styleText("dim", `(${seconds})`)}`);
          break;
        case "skipped":
          result.skipped.push({ name: step.name, reason: outcome.reason });
          print(`${styleText("yellow", "-")} ${step.name} skipped: ${outcome.reason}`);
          break;
        case "failed":
          result.failures.push(step.name);
          print(`${styleText("red", "✖")} ${step.name} ${styleText("dim", `(${seconds})`)}`);
          complaints.push(`\n${styleText("bold", step.name)}\n\n${outcome.output}`);
      }
    }),
  );
  for (const complaint of complaints) print(complaint);
  return result;
}

function failed(error: unknown): Outcome {
  return { kind: "failed", output: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
