import { join } from "node:path";
import { shopEnvironment } from "./environment.ts";
import { findEnvoy } from "./envoy.ts";
import { onceFor, schemaSources } from "./once.ts";
import { runScript } from "./run-script.ts";
import { developmentSecrets, secretsFile } from "./secrets.ts";
import type { LocalConfig } from "./settings.ts";
import { gateway, services } from "./shop.ts";
import { startMeshEnvoy } from "./start-envoy.ts";
import { startColocated, startPrograms } from "./start-programs.ts";
import { type Stores, startStores } from "./start-stores.ts";
import { hostAndPort, reachableHost, type Store } from "./stores/store.ts";
import type { Supervisor } from "./supervisor.ts";
import type { Row } from "./table.ts";

/** A shop that runs. */
export interface Shop {
  /** What runs, where, and how long it took. */
  readonly rows: readonly Row[];
  /** Where browsers call. */
  readonly edgeUrl: string;
  /**
   * Gives it something to look at, once: locations, customers, orders and reviews.
   *
   * @param signal ends it early; the next time it goes on where it was
   * @param say gets a line when it begins and one when it is done
   * @throws Error when it cannot be done
   */
  furnish(signal: AbortSignal, say: (line: string) => void): Promise<void>;
  /** Ends what runs in this process; the supervisor ends the others. */
  stop(): Promise<void>;
}

/**
 * Brings the whole shop up: stores, databases, services, Envoy, and at the first time the catalogue.
 *
 * @param config how it is laid out
 * @param colocate whether all services run in one process
 * @param supervisor keeps it alive
 * @param say gets a line when something takes long or is done to the machine
 * @throws Error that names what failed and the remedy
 */
export async function startShop(
  config: LocalConfig,
  colocate: boolean,
  supervisor: Supervisor,
  say: (line: string) => void,
): Promise<Shop> {
  const { dataDir, host, ports } = config;
  const names = [...services, gateway].map(({ name }) => name);
  const secrets = developmentSecrets(secretsFile(dataDir), names);
  const [stores, envoyProgram] = await Promise.all([
    startStores(config, supervisor, say),
    colocate ? undefined : findEnvoy({ toolsDir: join(dataDir, "tools"), log: say }),
  ]);
  // Without Envoy the gateway takes its place for browsers.
  const laidOut =
    envoyProgram === undefined
      ? { ...config, ports: { ...ports, programs: { ...ports.programs, gateway: ports.edge } } }
      : config;
  const dataPlane = colocate ? "local" : envoyProgram === undefined ? "direct" : "envoy";
  const env = shopEnvironment(
    laidOut,
    {
      dataPlane,
      postgresUrl: stores.postgres.url,
      natsUrl: stores.nats.url,
      redisUrl: stores.redis?.url,
      smtpUrl: stores.mailbox.smtpUrl,
      secrets,
    },
    process.env,
  );

  const where = new URL(stores.postgres.url).host;
  await onceFor(dataDir, "migrations", `${where} ${schemaSources()}`, async () => {
    await runScript("deploy/local/migrate.ts", [], env);
  });
  const [programs, envoy] = await Promise.all([
    (colocate ? startColocated : startPrograms)(laidOut, env, supervisor),
    envoyProgram && startMeshEnvoy(laidOut, envoyProgram, env, supervisor),
  ]);
  const catalogue = await importCatalogue(laidOut, where, env);

  const edgeUrl = `http://${hostAndPort(reachableHost(host), ports.edge)}`;
  const rows: Row[] = [...storeRows(stores), ...programs];
  if (envoy !== undefined) {
    const mesh = hostAndPort(reachableHost(host), ports.mesh);
    rows.push({ name: `Envoy ${envoy.version}`, where: `${edgeUrl}, gRPC ${mesh}`, tookMs: envoy.tookMs });
  }
  rows.push(...catalogue);
  return {
    rows,
    edgeUrl,
    furnish: (signal, say) =>
      onceFor(dataDir, "demo", where, async () => {
        say("Placing demo orders, in the background.");
        say(await runScript("deploy/local/furnish-shop.ts", [], env, signal));
      }),
    stop: () => stores.mailbox.stop(),
  };
}

async function importCatalogue(
  { dataDir }: LocalConfig,
  where: string,
  env: NodeJS.ProcessEnv,
): Promise<Row[]> {
  const startedAt = performance.now();
  const rows: Row[] = [];
  await onceFor(dataDir, "catalogue", where, async () => {
    const said = await runScript("deploy/local/import-catalogue.ts", [], env);
    rows.push({
      name: "catalogue",
      where: said.replaceAll("\n", ", "),
      tookMs: performance.now() - startedAt,
    });
  });
  const importedAt = performance.now();
  await onceFor(dataDir, "promotions", where, async () => {
    const said = await runScript("deploy/local/load-promotions.ts", [], env);
    rows.push({ name: "promotions", where: said, tookMs: performance.now() - importedAt });
  });
  return rows;
}

function storeRows({ postgres, nats, redis, mailbox }: Stores): Row[] {
  const row = ({ name, version, address, source, tookMs }: Store): Row => ({
    name: `${name} ${version}`,
    where: `${address} (${source})`,
    tookMs,
  });
  return [
    row(postgres),
    row(nats),
    redis === undefined ? { name: "Redis", where: "none; caches stay in each process" } : row(redis),
    { name: "mailbox", where: mailbox.url },
  ];
}
