import type { Database, Transaction } from "#kit/data/database.ts";
import type { entities } from "./entities.ts";

/** Notification's database. */
export type NotificationDatabase = Database<typeof entities>;
/** A transaction in notification's database. */
export type NotificationTransaction = Transaction<typeof entities>;
