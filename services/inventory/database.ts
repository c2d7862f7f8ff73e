import type { Database, Transaction } from "#kit/data/database.ts";
import type { entities } from "./entities.ts";

/** Inventory's database. */
export type InventoryDatabase = Database<typeof entities>;
/** A transaction in inventory's database. */
export type InventoryTransaction = Transaction<typeof entities>;
