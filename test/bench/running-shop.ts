import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type EnvoyProgram, findEnvoy } from "../../deploy/local/envoy.ts";
import { isPortFree } from "../../deploy/local/ports.ts";
import { type LocalConfig, readLocalConfig } from "../../deploy/local/settings.ts";

/** How a shop is laid out: behind Envoy, with channels straight to each service, or as one process. */
export type Layout = "envoy" | "direct" | "colocated";

/** A shop that was started as `npm start` starts it. */
export interface RunningShop {
  readonly config: LocalConfig;
  /** Its settings, for scripts that call it. */
  readonly env: NodeJS.ProcessEnv;
  /** The process from which all others descend. */
  readonly pid: number;
  /** From the command to the line that says that it is open, in ms. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

/** A place where shops are started one after the other, on the same data. */
export interface Premises {
  readonly envoy: EnvoyProgram | undefined;
  open(layout: Layout): Promise<RunningShop>;
  /** Removes the data. */
  remove(): void;
}

/** Encrypts the signing keys, known here so that tokens can be signed for many customers. */
export const KEY_SECRET = "a secret of the benchmarks, known to all";
const READY_MS = 120_000;

/**
 * Makes a place with ports and a data folder of its own. What was brought before is used again.
 *
 * @param more settings beside the usual
 */
export async function makePremises(more: NodeJS.ProcessEnv = {}): Promise<Premises> {
  const toolsDir = join(resolve(process.env["SOUK_DATA_DIR"] ?? ".souk"), "tools");
  const envoy = await findEnvoy({ toolsDir, log: (line) => process.stderr.write(`${line}\n`) });
  const dir = mkdtempSync(join(tmpdir(), "souk-bench-"));
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    SOUK_DATA_DIR: join(dir, "data"),
    AUTH_KEY_SECRET: KEY_SECRET,
    // What is measured has the shop for itself.
    SOUK_DEMO: "off",
    SOUK_PORT_OFFSET: String(await freeOffset()),
    // What is measured is how much the shop can do, not how much one caller may.
    SOUK_RATE_ANONYMOUS: "0",
    SOUK_RATE_AUTHENTICATED: "0",
    SOUK_RATE_PREMIUM: "0",
    SOUK_EDGE_RATE: "1000000",
    ...more,
  };
  return {
    envoy,
    open: (layout) =>
      openShop(layout, {
        ...env,
        ...(layout === "envoy" ? { SOUK_ENVOY: envoy?.program } : { SOUK_INSTALL_ENVOY: "off" }),
      }),
    remove: () => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }),
  };
}

async function openShop(layout: Layout, env: NodeJS.ProcessEnv): Promise<RunningShop> {
  const config = readLocalConfig(env);
  const startedAt = performance.now();
  const args = ["deploy/local/bootstrap.mjs", "deploy/local/main.ts"];
  if (layout === "colocated") args.push("--colocate");
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const atExit = () => child.kill();
  process.once("exit", atExit);
  const opened = Promise.withResolvers<void>();
  let said = "";
  child.stdout.on("data", (text) => {
    said += text;
    if (said.includes("The shop is open")) opened.resolve();
  });
  const timer = setTimeout(() => opened.reject(new Error("the shop was not open in time")), READY_MS);
  void exited.then(() => opened.reject(new Error(`the shop did not open:\n${said}`)));
  const stop = async () => {
    child.kill("SIGTERM");
    await exited;
    process.off("exit", atExit);
  };
  try {
    await opened.promise;
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return { config, env, pid: child.pid as number, readyMs: performance.now() - startedAt, stop };
}

/** A shift under which every port is free and lies below those of outgoing connections. */
async function freeOffset(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const offset = 11_000 + Math.floor(Math.random() * 6_000);
    const { ports } = readLocalConfig({ SOUK_PORT_OFFSET: String(offset) });
    const all = [ports, ports.programs, ports.operations].flatMap((it) => Object.values(it));
    const numbers = all.filter((it) => typeof it === "number");
    if ((await Promise.all(numbers.map((it) => isPortFree(it)))).every(Boolean)) return offset;
  }
  throw new Error(
    "No 28 free ports with the distances of the shop's; end what listens between 12000 and 32000.",
  );
}
