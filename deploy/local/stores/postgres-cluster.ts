import { randomBytes } from "node:crypto";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "../files.ts";
import { type Account, commandLine } from "../process.ts";
import { runProgram } from "../programs.ts";
import { type PostgresPrograms, programEnvironment } from "./postgres-programs.ts";

/** The superuser of our own servers. */
export const superuser = "souk";

/**
 * Makes a cluster with databases in it. Nothing waits for the disk until all is there; then all is written to it
 * and moved to its place, so that a cluster that is there is whole. Making the databases in a running server
 * instead takes several times as long.
 *
 * @param dataDir the folder that gets the cluster, as `data`
 * @param durable whether to wait for the disk at all
 * @throws Error with the words of the program that failed
 */
export async function makeCluster(
  programs: PostgresPrograms,
  dataDir: string,
  databases: readonly string[],
  password: string,
  durable: boolean,
): Promise<void> {
  const draft = join(dataDir, "data.new");
  const passwordFile = join(dataDir, "password.new");
  const major = Number.parseInt(programs.version, 10);
  const options = { account: programs.account, env: programEnvironment, cwd: "/" };
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  giveTo(draft, programs.account);
  writeOwnedFile(passwordFile, password, programs.account);
  const collation = ["--locale=C.UTF-8"];
  if (major >= 17) {
    // The provider that needs no locale of the machine and sorts by code point, hence the same everywhere.
    collation.push("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8");
  }
  try {
    await runProgram(
      programs.initdb,
      [
        ...["-D", draft, "-U", superuser, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"],
        ...["--encoding=UTF8", ...collation, "--no-instructions", "--no-sync"],
      ],
      120_000,
      options,
    );
    if (databases.length > 0) {
      await runProgram(
        programs.postgres,
        // The files of one database are copied, and no process but this one is running (postgres(1), --single).
        ["--single", "-F", "-D", draft, "-c", "exit_on_error=on", "-c", "log_checkpoints=off", "postgres"],
        60_000,
        {
          ...options,
          input: databases.map((name) => `CREATE DATABASE ${quote(name)} STRATEGY file_copy\n`).join(""),
        },
      );
    }
    if (durable) await runProgram(programs.initdb, ["-D", draft, "--sync-only"], 120_000, options);
    rememberDatabases(dataDir, databases);
    renameSync(draft, join(dataDir, "data"));
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** The databases that are known to be in the cluster. */
export function knownDatabases(dataDir: string): string[] {
  try {
    return JSON.parse(readFileSync(join(dataDir, "databases.json"), "utf8"));
  } catch {
    return [];
  }
}

/** Notes which databases are in the cluster, so that a start need not ask. */
export function rememberDatabases(dataDir: string, databases: readonly string[]): void {
  writeFileAtomically(join(dataDir, "databases.json"), JSON.stringify(databases));
}

/** The superuser's password, made at the first call. */
export function keepPassword(dataDir: string): string {
  const file = join(dataDir, "password");
  if (!existsSync(file)) writeFileAtomically(file, randomBytes(24).toString("base64url"), 0o600);
  return readFileSync(file, "utf8").trim();
}

/**
 * Makes sure that a server can start with the data that are there.
 *
 * @throws Error that names the remedy when they belong to another user or another version
 */
export function requireUsableCluster(programs: PostgresPrograms, cluster: string): void {
  const owner = statSync(cluster).uid;
  const self = process.getuid?.() ?? 0;
  if (self !== 0 && owner !== self) {
    throw new Error(
      `The data in ${cluster} belong to user ${owner}, who you are not (${self}). ` +
        "Start as before, or let root begin anew with `npm start -- --fresh`.",
    );
  }
  const made = readFileSync(join(cluster, "PG_VERSION"), "utf8").trim();
  if (made !== programs.version.split(".")[0]) {
    throw new Error(
      `The data in ${cluster} were made by PostgreSQL ${made}, the server is ${programs.version}. ` +
        "Begin anew with `npm start -- --fresh`, or set SOUK_POSTGRES_URL to a server that has your data.",
    );
  }
  removeStalePidFile(cluster);
}

/**
 * After a crash of the machine the pid in the server's pid file may be somebody else's by now, and the server
 * would refuse to start. One that is the server's is left alone: the supervisor ends it.
 */
function removeStalePidFile(cluster: string): void {
  const file = join(cluster, "postmaster.pid");
  if (!existsSync(file)) return;
  const pid = Number.parseInt(readFileSync(file, "utf8"), 10);
  if (!commandLine(pid)?.includes(cluster)) rmSync(file, { force: true });
}

/** Writes a file that the server's account alone may read. */
export function writeOwnedFile(file: string, content: string, account: Account): void {
  rmSync(file, { force: true });
  writeFileSync(file, content, { mode: 0o600, flag: "wx" });
  giveTo(file, account);
}

function giveTo(path: string, account: Account): void {
  if (account.uid !== undefined) chownSync(path, account.uid, account.gid ?? account.uid);
}

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
