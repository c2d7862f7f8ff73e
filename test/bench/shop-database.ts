import { join } from "node:path";
import { keepPassword, superuser } from "../../deploy/local/stores/postgres-cluster.ts";
import type { RunningShop } from "./running-shop.ts";

/**
 * The URL of the database of a service of a shop, as its superuser.
 *
 * @param shop the shop
 * @param service the name of the service
 */
export function shopDatabase({ config }: RunningShop, service: string): string {
  const password = keepPassword(join(config.dataDir, "postgres"));
  return `postgres://${superuser}:${password}@127.0.0.1:${config.ports.postgres}/souk_${service}`;
}
