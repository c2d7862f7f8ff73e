import type { Database, Transaction } from "#kit/data/database.ts";
import type { entities } from "./entities.ts";

/** Auth's database. */
export type AuthDatabase = Database<typeof entities>;
/** A transaction in auth's database. */
export type AuthTransaction = Transaction<typeof entities>;
