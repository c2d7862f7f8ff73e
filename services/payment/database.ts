import type { Database, Transaction } from "#kit/data/database.ts";
import type { entities } from "./entities.ts";

/** Payment's database. */
export type PaymentDatabase = Database<typeof entities>;

/** A transaction of payment's under way. */
export type PaymentTransaction = Transaction<typeof entities>;
