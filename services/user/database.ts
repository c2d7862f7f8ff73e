import type { Database, Transaction } from "#kit/data/database.ts";
import type { entities } from "./entities.ts";

/** User's database. */
export type UserDatabase = Database<typeof entities>;
/** A transaction in user's database. */
export type UserTransaction = Transaction<typeof entities>;
