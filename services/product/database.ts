import type { Database, Transaction } from "#kit/data/database.ts";
import type { entities } from "./entities.ts";

/** Product's database. */
export type ProductDatabase = Database<typeof entities>;
/** A transaction in product's database. */
export type ProductTransaction = Transaction<typeof entities>;
