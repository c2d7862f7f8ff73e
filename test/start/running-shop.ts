import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Teardown } from "../stores.ts";

/** A shop that `npm start` runs for a test. */
export interface RunningShop {
  /** Everything it printed so far. */
  printed(): string;
  /** Resolves when it printed something that matches. Rejects when it ends before. */
  prints(pattern: RegExp): Promise<RegExpExecArray>;
  /** Ends it as Ctrl-C does, and waits. */
  interrupt(): Promise<number | null>;
  /** Resolves with its exit code. */
  readonly exited: Promise<number | null>;
}

/** A folder for the data of a shop, with the tools that an earlier start brought, so that they are not brought again. */
export function shopFolder(t: Teardown): string {
  const dir = mkdtempSync(join(tmpdir(), "souk-start-"));
  t.teardown(async () => rmSync(dir, { recursive: true, force: true }));
  const tools = resolve(".souk/tools");
  mkdirSync(tools, { recursive: true });
  if (existsSync(tools)) symlinkSync(tools, join(dir, "tools"));
  return dir;
}

/**
 * The settings by which tools find a shop of a test.
 *
 * @param dir its data folder
 * @param portOffset moves its ports away from others'
 */
export function placeOf(dir: string, portOffset: number): NodeJS.ProcessEnv {
  return { SOUK_DATA_DIR: dir, SOUK_PORT_OFFSET: String(portOffset) };
}

/**
 * Runs what `npm start` runs.
 *
 * @param t the test after which it is ended
 * @param dir its data folder
 * @param portOffset moves its ports away from others'
 * @param args its arguments
 * @param env settings that differ from the usual
 */
export function startShop(
  t: Teardown,
  dir: string,
  portOffset: number,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): RunningShop {
  const child: ChildProcess = spawn(
    process.execPath,
    ["deploy/local/bootstrap.mjs", "deploy/local/main.ts", ...args],
    {
      env: { ...process.env, ...placeOf(dir, portOffset), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let printed = "";
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      for (const look of waiting) look();
    });
  }
  const exited = once(child, "exit").then(([code]) => code as number | null);
  async function interrupt(): Promise<number | null> {
    child.kill("SIGINT");
    return exited;
  }
  t.teardown(async () => {
    await interrupt();
  });
  return {
    printed: () => printed,
    exited,
    interrupt,
    async prints(pattern) {
      const found = Promise.withResolvers<RegExpExecArray>();
      const look = () => {
        const match = pattern.exec(printed);
        if (match !== null) found.resolve(match);
      };
      waiting.add(look);
      look();
      void exited.then(() => found.reject(new Error(`it ended before it printed ${pattern}:\n${printed}`)));
      return found.promise.finally(() => waiting.delete(look));
    },
  };
}
