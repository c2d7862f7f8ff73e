import type { Database } from "#kit/data/database.ts";
import type { entities } from "./entities.ts";

/** Payment's database. */
export type PaymentDatabase = Database<typeof entities>;
