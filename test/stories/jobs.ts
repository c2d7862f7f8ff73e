import { pino } from "pino";
import { openDatabase } from "#kit/data/database.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import { entities as inventoryEntities } from "../../services/inventory/entities.ts";
import { expireReservations } from "../../services/inventory/expire-reservations.ts";
import { expireCarts } from "../../services/order/cart/expire-carts.ts";
import { entities as orderEntities } from "../../services/order/entities.ts";
import type { Shop } from "../chaos/shop.ts";
import { connect, openDesk } from "../service/payment-desk.ts";
import type { Teardown } from "../stores.ts";
import type { Job } from "./command.ts";

/** How long carts are kept, in ms: as services do where nothing else is set. */
const CART_MS = 90 * 24 * 3_600_000;

/**
 * Makes what does the work of jobs at once, on the databases of a shop: stories need not wait until they are due.
 *
 * @param t after which it is closed
 * @param shop the shop
 */
export function openJobs(t: Teardown, shop: Shop): (job: Job) => Promise<void> {
  const log = pino({ level: "silent" });
  const common = { migrations: [], poolSize: 2, applicationName: "stories", log };
  const urlOf = (service: string) => shop.env()[`${service}_DATABASE_URL`] as string;
  const order = openDatabase({ ...common, url: urlOf("ORDER"), entities: orderEntities });
  const inventory = openDatabase({ ...common, url: urlOf("INVENTORY"), entities: inventoryEntities });
  const payment = connect(urlOf("PAYMENT"));
  t.teardown(async () => {
    for (const db of [order, inventory, payment]) await db.close();
  });
  const scopes = rootScopes(log, () => {
    throw new Error("these jobs call no service");
  });
  const desk = openDesk(payment);
  const jobs: Record<Job, () => Promise<void>> = {
    "expire-reservations": () => expireReservations(inventory, scopes({ timeoutMs: 30_000 })),
    "expire-authorizations": () => desk.expire(),
    "expire-carts": () => expireCarts(order, scopes({ timeoutMs: 30_000 }), CART_MS),
  };
  return (job) => jobs[job]();
}
