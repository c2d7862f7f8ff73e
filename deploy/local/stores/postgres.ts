import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { pickFreePort, requirePortFree } from "../ports.ts";
import { requireVersion } from "../programs.ts";
import {
  keepPassword,
  knownDatabases,
  makeCluster,
  rememberDatabases,
  requireUsableCluster,
  superuser,
  writeOwnedFile,
} from "./postgres-cluster.ts";
import { findPostgresPrograms, type PostgresPrograms, programEnvironment } from "./postgres-programs.ts";
import { foreignStore, hostAndPort, reachableHost, type Store, type StoreOptions } from "./store.ts";

const oldestVersion = "15";

/** What PostgreSQL needs to start. */
export interface PostgresOptions extends StoreOptions {
  /** The databases that must be there; those that are missing are made. */
  databases?: readonly string[];
}

/**
 * Finds or brings PostgreSQL: the server of SOUK_POSTGRES_URL, else one of our own, run with the programs of
 * the npm package or, failing that, with those of the machine. The superuser's password is made once and
 * kept in the data folder, readable by its owner alone; nobody gets in without it.
 *
 * @returns the store; its URL names the database "postgres", databaseUrl() makes that of another
 * @throws Error that names the remedy when there is no PostgreSQL to be had
 */
export async function startPostgres(options: PostgresOptions): Promise<Store> {
  const startedAt = performance.now();
  const { databases = [], env = process.env } = options;
  const given = env.SOUK_POSTGRES_URL;
  if (given) return useGivenServer(given, databases, startedAt);

  const { dataDir, supervisor, durable = true, host = "127.0.0.1" } = options;
  mkdirSync(dataDir, { recursive: true });
  const programs = await findPostgresPrograms(dataDir, env);
  const remedy = "Install a newer one or set SOUK_POSTGRES_URL to a server.";
  requireVersion(`PostgreSQL (${programs.postgres})`, programs.version, oldestVersion, remedy);
  const password = keepPassword(dataDir);
  const cluster = join(dataDir, "data");
  if (!existsSync(cluster)) await makeCluster(programs, dataDir, databases, password, durable);
  requireUsableCluster(programs, cluster);
  const hbaFile = join(dataDir, "pg_hba.conf");
  writeOwnedFile(hbaFile, "host all all all scram-sha-256\n", programs.account);

  const port = options.port === 0 ? await pickFreePort(host) : (options.port ?? 5432);
  if (options.port !== 0) await requirePortFree("PostgreSQL", port, host, "SOUK_POSTGRES_PORT");
  const settings = serverSettings({ programs, host, port, hbaFile, durable });
  const child = await supervisor.start({
    name: "postgres",
    command: programs.postgres,
    args: ["-D", cluster, ...Object.entries(settings).flatMap(([key, value]) => ["-c", `${key}=${value}`])],
    env: programEnvironment,
    cwd: "/",
    account: programs.account,
    // SIGINT ends sessions and writes a checkpoint, SIGQUIT just ends (postgres(1)).
    stopSignal: durable ? "SIGINT" : "SIGQUIT",
    readyWithinMs: 60_000,
    ready: ({ pid }) => isReady(cluster, pid),
  });
  const address = hostAndPort(reachableHost(host), port);
  const url = `postgres://${superuser}:${password}@${address}/postgres`;
  const known = knownDatabases(dataDir);
  const missing = databases.filter((name) => !known.includes(name));
  if (missing.length > 0) {
    await createDatabases(url, missing);
    rememberDatabases(dataDir, [...known, ...missing]);
  }
  return {
    name: "PostgreSQL",
    url,
    address,
    source: programs.source,
    version: programs.version,
    tookMs: performance.now() - startedAt,
    stop: () => child.stop(),
  };
}

async function useGivenServer(url: string, databases: readonly string[], startedAt: number): Promise<Store> {
  const what = "PostgreSQL at SOUK_POSTGRES_URL";
  const { inspectServer } = await import("./databases.ts");
  let facts: Awaited<ReturnType<typeof inspectServer>>;
  try {
    facts = await inspectServer(url);
  } catch (error) {
    throw new Error(
      `${what} cannot be used: ${(error as Error).message || "no answer"}. ` +
        "Correct the address, or unset it to have a server started here.",
      { cause: error },
    );
  }
  requireVersion(
    what,
    facts.version,
    oldestVersion,
    "Unset SOUK_POSTGRES_URL to have a server started here.",
  );
  if (!facts.mayCreateDatabases) {
    throw new Error(`${what}: its user may not create databases. Grant it with ALTER ROLE ... CREATEDB.`);
  }
  await createDatabases(url, databases);
  return foreignStore("PostgreSQL", url, facts.version, startedAt);
}

async function createDatabases(url: string, names: readonly string[]): Promise<void> {
  // The driver is loaded only where there is something to ask.
  const { createDatabase } = await import("./databases.ts");
  for (const name of names) await createDatabase(url, name);
}

function serverSettings(server: {
  programs: PostgresPrograms;
  host: string;
  port: number;
  hbaFile: string;
  durable: boolean;
}): Record<string, string | number> {
  const bufferMb = sharedBufferMb();
  const settings: Record<string, string | number> = {
    listen_addresses: server.host,
    port: server.port,
    unix_socket_directories: "",
    hba_file: server.hbaFile,
    max_connections: 200,
    shared_buffers: `${bufferMb}MB`,
    effective_cache_size: `${4 * bufferMb}MB`,
    work_mem: "8MB",
    maintenance_work_mem: "64MB",
    huge_pages: "off",
    // In the data folder: a server that is killed leaves nothing in /dev/shm, which is small in containers.
    dynamic_shared_memory_type: "mmap",
    random_page_cost: 1.1,
    jit: "off",
    // Two cores are shared with everything else: one query, one process.
    max_parallel_workers_per_gather: 0,
    max_parallel_maintenance_workers: 0,
    // No replica reads the log, so it need hold no more than a crash recovery needs.
    wal_level: "minimal",
    max_wal_senders: 0,
    wal_compression: "on",
    min_wal_size: "80MB",
    max_wal_size: "1GB",
    checkpoint_timeout: "15min",
    log_min_messages: "warning",
    log_checkpoints: "off",
    log_timezone: "UTC",
    timezone: "UTC",
    lc_messages: "C",
  };
  // From 18 on, reads go through worker processes unless told otherwise; here they would only take turns.
  if (Number.parseInt(server.programs.version, 10) >= 18) settings.io_method = "sync";
  if (!server.durable) {
    Object.assign(settings, { fsync: "off", synchronous_commit: "off", full_page_writes: "off" });
  }
  return settings;
}

/** A part of the machine's memory, or of what this process may have of it; it is taken as far as data fill it. */
function sharedBufferMb(): number {
  const bytes = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return Math.min(Math.max(Math.floor(bytes / 32 / 2 ** 20), 128), 512);
}

/** The server writes its state to the eighth line of its pid file (miscadmin.h, LOCK_FILE_LINE_PM_STATUS). */
function isReady(cluster: string, pid: number): boolean {
  const lines = readFileSync(join(cluster, "postmaster.pid"), "utf8").split("\n");
  return Number(lines[0]) === pid && lines[7]?.trim() === "ready";
}
