import { spawn } from "node:child_process";
import { resolve } from "node:path";

/** The folder of the repository. */
export const root = resolve(import.meta.dirname, "../..");

/** What became of one step of the check. */
export type Outcome =
  | { kind: "passed" }
  | { kind: "failed"; output: string }
  | { kind: "skipped"; reason: string };

/** One thing that the check looks at. */
export interface Step {
  name: string;
  /** @param signal aborted when nobody waits for the outcome any more */
  run(signal: AbortSignal): Promise<Outcome>;
}

/** A program that ended. */
export interface Ended {
  /** The exit code; undefined when it did not start or was ended by a signal. */
  code: number | undefined;
  /** What it wrote to either stream. */
  output: string;
}

/** A step that passes when a program of node_modules ends with 0. */
export function programStep(name: string, program: string, args: readonly string[]): Step {
  return {
    name,
    run: async (signal) => {
      const { code, output } = await run(`node_modules/.bin/${program}`, args, signal);
      return code === 0 ? { kind: "passed" } : { kind: "failed", output };
    },
  };
}

/** Runs a program in the repository's folder to its end. */
export function run(program: string, args: readonly string[], signal: AbortSignal): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], signal });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    let trouble = "";
    child.once("error", (error) => {
      trouble = `${program}: ${error.message}`;
    });
    // It comes after an error, too, and after an abort only when the program has ended.
    child.once("close", (code, endedBy) => {
      const ending = trouble || (endedBy ? `${program} was ended by ${endedBy}.` : "");
      resolve({ code: trouble ? undefined : (code ?? undefined), output: output.trimEnd() || ending });
    });
  });
}
