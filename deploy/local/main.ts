import { parseArgs } from "node:util";
import { ConfigurationError, EXIT_CONFIG } from "#kit/config.ts";
import { clearDataFolder, removeDiscardedData } from "./data-folder.ts";
import { acquireLock } from "./lock.ts";
import { refuseProduction } from "./secrets.ts";
import { type LocalConfig, readLocalConfig } from "./settings.ts";
import { gateway, services } from "./shop.ts";
import { type Shop, startShop } from "./start-shop.ts";
import { createSupervisor, endLeftovers } from "./supervisor.ts";
import { formatDuration, printTable } from "./table.ts";

const USAGE = `Starts the whole shop on this machine and stays in front; Ctrl-C stops all of it.

  npm start                  with the data of the last time
  npm start -- --fresh       with no data
  npm start -- --colocate    with all services in one process
`;

const say = (line: string) => process.stderr.write(`${line}\n`);

/** What the command line asks for. */
interface Options {
  readonly fresh: boolean;
  readonly colocate: boolean;
}

async function main(): Promise<void> {
  const options = readOptions();
  refuseProduction(
    process.env,
    [...services, gateway].map(({ name }) => name),
  );
  const config = readLocalConfig(process.env);
  const startedAt = performance.now();
  const lock = await acquireLock(config.dataDir);
  const told = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => told.resolve());

  if (options.fresh) await clearDataFolder(config.dataDir);
  await endLeftovers(config.dataDir);
  const supervisor = createSupervisor({ dir: config.dataDir, report: say });
  try {
    const started = runShop(config, options, supervisor, startedAt, (addresses) => lock.announce(addresses));
    const shop = await Promise.race([started, told.promise]);
    if (shop !== undefined) await removeDiscardedData(config.dataDir);
    const leaving = new AbortController();
    const furnished = config.demo ? shop && furnish(shop, leaving.signal) : undefined;
    await told.promise;
    say("Stopping.");
    leaving.abort();
    await furnished;
    await supervisor.stop();
    await shop?.stop();
    // A start that was cut short fails when its children are stopped, and that is no news.
    await started.catch(() => {});
  } finally {
    await supervisor.stop();
    await lock.release();
  }
}

async function runShop(
  config: LocalConfig,
  { colocate }: Options,
  supervisor: Parameters<typeof startShop>[2],
  startedAt: number,
  announce: (addresses: string[]) => void,
) {
  const shop = await startShop(config, colocate, supervisor, say);
  announce([shop.edgeUrl]);
  printTable(shop.rows, process.stdout);
  process.stdout.write(
    `\nThe shop is open at ${shop.edgeUrl} after ${formatDuration(performance.now() - startedAt)}. Ctrl-C stops it.\n`,
  );
  return shop;
}

/** A shop that cannot be furnished is open all the same. */
async function furnish(shop: Shop, signal: AbortSignal): Promise<void> {
  try {
    await shop.furnish(signal, say);
  } catch (error) {
    if (signal.aborted) return;
    say(
      `There is less to look at than there should be: ${(error as Error).message}. The next start goes on with it.`,
    );
  }
}

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        fresh: { type: "boolean", default: false },
        colocate: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    return values;
  } catch (error) {
    throw new ConfigurationError(`${(error as Error).message}\n\n${USAGE}`);
  }
}

try {
  await main();
  process.exit(0);
} catch (error) {
  say((error as Error).message);
  process.exit(error instanceof ConfigurationError ? EXIT_CONFIG : 1);
}
