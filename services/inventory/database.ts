import type { Kysely } from "kysely";
import type { Database, Transaction } from "#kit/data/database.ts";
import type { Tables } from "#kit/data/tables.ts";
import type { entities } from "./entities.ts";

/** Inventory's database. */
export type InventoryDatabase = Database<typeof entities>;
/** A transaction in inventory's database. */
export type InventoryTransaction = Transaction<typeof entities>;
/** Sends statements, in a transaction or outside of one. */
export type InventorySql = Kysely<Tables<typeof entities>>;
