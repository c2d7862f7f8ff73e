import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Account, boundCommand } from "./process.ts";

/**
 * Looks a program up on PATH.
 *
 * @param name the program's file name
 * @param path the value of PATH
 * @returns its path, links not resolved, as some programs act by the name they are called; undefined when
 *   there is none
 */
export function findOnPath(name: string, path = process.env.PATH ?? ""): string | undefined {
  for (const folder of path.split(delimiter)) {
    const file = join(folder, name);
    if (folder !== "" && isExecutable(file)) return file;
  }
  return undefined;
}

/** Tells whether a path names a file that may be run. */
export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * Asks a program for its version: the first number with dots in it that `--version` prints.
 *
 * @throws Error when the program does not run or prints no version
 */
export function programVersion(program: string): string {
  const run = spawnSync(program, ["--version"], { encoding: "utf8", timeout: 10_000, cwd: "/" });
  const version = /\d+\.\d+(\.\d+)*/.exec(run.stdout ?? "")?.[0];
  if (version === undefined) {
    const reason = run.error?.message ?? (run.stderr ?? "").trim().slice(-500);
    throw new Error(`${program} --version failed: ${reason || `exit code ${run.status}`}`);
  }
  return version;
}

/**
 * Refuses a server that is older than what Souk was made for.
 *
 * @param what names the server and where it comes from
 * @param minimum the oldest version that will do, e.g. "2.11"
 * @param remedy what to do about an old one
 * @throws Error that names the versions and the remedy
 */
export function requireVersion(what: string, version: string, minimum: string, remedy: string): void {
  const have = version.split(".").map((part) => Number.parseInt(part, 10));
  for (const [index, wanted] of minimum.split(".").map(Number).entries()) {
    const part = have[index] ?? 0;
    if (part > wanted) return;
    if (part < wanted || Number.isNaN(part)) {
      throw new Error(`${what} is version ${version}; Souk needs ${minimum} or later. ${remedy}`);
    }
  }
}

/** Tells whether this process may install Debian packages. */
export function mayInstallDebianPackages(): boolean {
  return process.getuid?.() === 0 && existsSync("/etc/debian_version") && findOnPath("apt-get") !== undefined;
}

/**
 * Runs a program to its end.
 *
 * @param withinMs how long it may take, in milliseconds, before it is killed
 * @param options.account the account to run it as
 * @param options.input what it gets to read
 * @throws Error with the end of what it wrote when it fails
 */
export function runProgram(
  program: string,
  args: readonly string[],
  withinMs: number,
  options: { account?: Account; input?: string; env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<void> {
  const { account, input = "", env, cwd } = options;
  const bound = boundCommand(program, args, account);
  return new Promise((resolve, reject) => {
    const child = spawn(bound.command, bound.args, {
      ...bound.options,
      env,
      cwd,
      timeout: withinMs,
      killSignal: "SIGKILL",
      // Ctrl-C in the terminal must not hit it halfway; it ends when this process does.
      detached: true,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output = (output + text).slice(-4000);
      });
    }
    // A program that ends before it has read everything says why itself.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    child.once("error", reject);
    child.once("close", (code, signal) => {
      const how = signal ? `ended by ${signal}` : `exit code ${code}`;
      if (code === 0) resolve();
      else reject(new Error(`${program} failed (${how}):\n${output.trimEnd()}`));
    });
  });
}
