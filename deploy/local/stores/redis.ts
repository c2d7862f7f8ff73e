import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { pickFreePort, requirePortFree } from "../ports.ts";
import { findOnPath, mayInstallDebianPackages, requireVersion, runProgram } from "../programs.ts";
import {
  foreignStore,
  hostAndPort,
  reachableHost,
  type Source,
  type Store,
  type StoreOptions,
} from "./store.ts";

const oldestVersion = "6.2";

/**
 * Finds or brings Redis: the server of SOUK_REDIS_URL, else one of our own, run with the program on PATH or,
 * for root on a Debian, with the one of Debian's package, which is installed unless SOUK_INSTALL_REDIS is
 * "off". It asks for no password and keeps nothing over a restart: Souk has only caches and counters in it.
 *
 * @returns undefined, after a line that says why, when there is no Redis to be had
 * @throws Error when the server of SOUK_REDIS_URL cannot be used or the one found does not start
 */
export async function startRedis(options: StoreOptions): Promise<Store | undefined> {
  const startedAt = performance.now();
  const env = options.env ?? process.env;
  const given = env.SOUK_REDIS_URL;
  if (given) return useGivenServer(given, startedAt);

  const { dataDir, supervisor, host = "127.0.0.1", log } = options;
  mkdirSync(dataDir, { recursive: true });
  const found = await findProgram(dataDir, env, log);
  if (!found) return undefined;
  const port = options.port === 0 ? await pickFreePort(host) : (options.port ?? 6379);
  if (options.port !== 0) await requirePortFree("Redis", port, host, "SOUK_REDIS_PORT");

  const address = hostAndPort(reachableHost(host), port);
  const url = `redis://${address}`;
  let version = "unknown";
  const settings: Record<string, string | number> = {
    bind: host,
    port,
    dir: dataDir,
    save: "",
    appendonly: "no",
    daemonize: "no",
    // Beyond this machine there is no password to protect it: who says so has said so.
    "protected-mode": "no",
    maxmemory: "128mb",
    "maxmemory-policy": "allkeys-lru",
  };
  const child = await supervisor.start({
    name: "redis",
    command: found.program,
    args: Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]),
    ready: async () => {
      version = await askVersion(url);
      return true;
    },
  });
  try {
    requireVersion(`Redis (${found.program})`, version, oldestVersion, "Set SOUK_REDIS_URL to a newer one.");
  } catch (error) {
    await child.stop();
    throw error;
  }
  return {
    name: "Redis",
    url,
    address,
    source: found.source,
    version,
    tookMs: performance.now() - startedAt,
    stop: () => child.stop(),
  };
}

async function useGivenServer(url: string, startedAt: number): Promise<Store> {
  let version: string;
  try {
    version = await askVersion(url);
  } catch (error) {
    throw new Error(
      `Redis at SOUK_REDIS_URL cannot be used: ${(error as Error).message}. ` +
        "Correct the address, or unset it to have a server started here.",
      { cause: error },
    );
  }
  requireVersion(
    "Redis at SOUK_REDIS_URL",
    version,
    oldestVersion,
    "Unset SOUK_REDIS_URL to have one started here.",
  );
  return foreignStore("Redis", url, version, startedAt);
}

async function findProgram(
  dataDir: string,
  env: NodeJS.ProcessEnv,
  log: (line: string) => void,
): Promise<{ program: string; source: Source } | undefined> {
  const onPath = findOnPath("redis-server", env.PATH);
  if (onPath) return { program: onPath, source: "PATH" };
  const fromDebian = linkDebianProgram(dataDir, env);
  if (fromDebian) return { program: fromDebian, source: "Debian package" };
  if (env.SOUK_INSTALL_REDIS === "off") {
    log("Redis: none on PATH, and SOUK_INSTALL_REDIS is off; going on without it.");
    return undefined;
  }
  if (!mayInstallDebianPackages()) {
    log("Redis: none on PATH; going on without it. To have it, install it or set SOUK_REDIS_URL.");
    return undefined;
  }
  log(
    "Redis: installing Debian's package redis-tools, which holds it (SOUK_INSTALL_REDIS=off prevents this).",
  );
  try {
    await installDebianPackage("redis-tools");
  } catch (error) {
    log(`Redis: going on without it. ${(error as Error).message}`);
    return undefined;
  }
  const installed = linkDebianProgram(dataDir, env);
  if (installed) return { program: installed, source: "Debian package" };
  log("Redis: Debian's package redis-tools holds no server here; going on without it.");
  return undefined;
}

/**
 * Debian keeps the server in redis-tools, under the name of another program: it acts by the name it is called.
 * Its package redis-server adds only that name, an account and a service that starts at once on port 6379.
 */
function linkDebianProgram(dataDir: string, env: NodeJS.ProcessEnv): string | undefined {
  const program = findOnPath("redis-check-rdb", env.PATH);
  if (!program) return undefined;
  const link = join(dataDir, "redis-server");
  rmSync(link, { force: true });
  symlinkSync(program, link);
  return link;
}

async function installDebianPackage(name: string): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  const install = ["install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=60", name];
  try {
    await runProgram("apt-get", install, 180_000, { env });
  } catch {
    // A fresh image has no package lists yet.
    await runProgram("apt-get", ["update"], 120_000, { env });
    await runProgram("apt-get", install, 180_000, { env });
  }
}

/** Signs in as the URL says and asks for the version (Redis serialization protocol, INFO). */
function askVersion(address: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const url = new URL(address);
    const target = { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || 6379) };
    const socket: Socket =
      url.protocol === "rediss:" ? connectTls({ ...target, servername: target.host }) : connectTcp(target);
    socket.setTimeout(5000, () => socket.destroy(new Error("no answer within 5 s")));
    const password = decodeURIComponent(url.password);
    const username = decodeURIComponent(url.username);
    if (password) socket.write(command("AUTH", ...(username ? [username] : []), password));
    socket.write(command("INFO", "server"));
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (part) => {
      text += part;
      const version = /^(?:redis|valkey)_version:(\S+)\r$/m.exec(text)?.[1];
      const refusal = /^-(.*)\r$/m.exec(text)?.[1];
      if (refusal) reject(new Error(`it answers "${refusal}"`));
      else if (version) resolve(version);
      else return;
      socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("the connection was closed")));
  });
}

function command(...words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}
