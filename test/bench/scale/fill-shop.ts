import pg from "pg";
import type { PublicJwk } from "#kit/identity/authenticator.ts";
import { developmentSecrets, secretsFile } from "../../../deploy/local/secrets.ts";
import type { RunningShop } from "../running-shop.ts";
import { shopDatabase } from "../shop-database.ts";
import { fillDatabase } from "./bulk-load.ts";
import { fillAccounts, fillProfiles } from "./fill-accounts.ts";
import { fillCatalogue } from "./fill-catalogue.ts";
import { fillNotifications } from "./fill-notifications.ts";
import { fillOrders } from "./fill-orders.ts";
import { fillPayments } from "./fill-payments.ts";
import { fillStock } from "./fill-stock.ts";
import { generationSchema } from "./generated-sql.ts";
import type { GeneratedShop } from "./size.ts";

type Fill = (client: pg.Client, shop: GeneratedShop) => Promise<void>;

/**
 * Fills the databases of a shop that is open, two at a time: what one of them tells of, the others know.
 *
 * @param running the shop
 * @param shop what it shall hold
 * @param tell is told of each database that is full
 */
export async function fillShop(
  running: RunningShop,
  shop: GeneratedShop,
  tell: (line: string) => void,
): Promise<void> {
  const { privateKeys } = developmentSecrets(secretsFile(running.config.dataDir), []);
  const fills: [service: string, fill: Fill][] = [
    ["product", fillCatalogue],
    ["order", fillOrders],
    ["inventory", fillStock],
    ["payment", fillPayments],
    ["notification", fillNotifications],
    ["auth", (client) => fillAccounts(client, shop, privateKeys["auth"] as PublicJwk)],
    ["user", fillProfiles],
  ];
  await setServer(running, FILLING);
  const work = async () => {
    for (let next = fills.shift(); next !== undefined; next = fills.shift()) {
      const [service, fill] = next;
      const startedAt = performance.now();
      await fillDatabase(shopDatabase(running, service), async (client) => {
        await client.query(generationSchema(shop));
        await fill(client, shop);
      });
      tell(`${service}: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
    }
  };
  await Promise.all([work(), work()]);
  await setServer(running, USUAL);
}

/** While it is filled, nothing need outlive a crash of the server. */
const FILLING = ["fsync = off", "full_page_writes = off", "autovacuum = off"];
const USUAL = FILLING.map((setting) => setting.slice(0, setting.indexOf(" "))).map((name) => `reset:${name}`);

async function setServer(running: RunningShop, settings: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: shopDatabase(running, "order") });
  await client.connect();
  try {
    for (const setting of settings) {
      await client.query(
        setting.startsWith("reset:")
          ? `alter system reset ${setting.slice(6)}`
          : `alter system set ${setting}`,
      );
    }
    await client.query("select pg_reload_conf()");
    if (settings === USUAL) await client.query("checkpoint");
  } finally {
    await client.end();
  }
}
