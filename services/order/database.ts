import type { Kysely } from "kysely";
import type { Database, Transaction } from "#kit/data/database.ts";
import type { Tables } from "#kit/data/tables.ts";
import type { entities } from "./entities.ts";

/** Order's database. */
export type OrderDatabase = Database<typeof entities>;
/** A transaction in it. */
export type OrderTransaction = Transaction<typeof entities>;
/** Sends statements, in a transaction or outside of one. */
export type OrderSql = Kysely<Tables<typeof entities>>;
