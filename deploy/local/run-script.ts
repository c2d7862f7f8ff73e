import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/**
 * Runs a script of this repository to its end in a process of its own, so that what it loads does
 * not stay in this one.
 *
 * @param script the file, from the root of the repository
 * @param args its arguments
 * @param env its environment
 * @param signal ends it early
 * @returns what it printed
 * @throws Error with what it printed to standard error when it fails
 */
export async function runScript(
  script: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<string> {
  const child = spawn(process.execPath, [...NODE_OPTIONS, script, ...args], {
    env,
    signal,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [printed, complained, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit") as Promise<[number | null]>,
  ]);
  if (code !== 0) throw new Error(`${script} failed: ${complained.trim() || printed.trim()}`);
  return printed.trim();
}

/**
 * How Node runs the programs of this repository: bounded generations keep eight processes small. The young one has its
 * size from the start. V8 begins with a sixteenth of it, and a service whose objects die early stays there: it collects
 * often, and each time what calls under way hold grows old. The old one may double before it is collected: for a bound
 * as low as this V8 would do that much sooner, and look through all that lives in it for little that does not.
 */
export const NODE_OPTIONS: readonly string[] = [
  "--disable-warning=ExperimentalWarning",
  "--min-semi-space-size=16",
  "--max-semi-space-size=16",
  "--max-old-space-size=512",
  "--heap-growing-percent=100",
];
