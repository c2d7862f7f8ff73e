import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, realpathSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * Looks a program up on PATH.
 *
 * @param name the program's file name
 * @param path the value of PATH
 * @returns its real path, links resolved; undefined when there is none
 */
export function findOnPath(name: string, path = process.env["PATH"] ?? ""): string | undefined {
  for (const folder of path.split(delimiter)) {
    const file = join(folder, name);
    if (folder !== "" && isExecutable(file)) return realpathSync(file);
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
