import type { Migrations } from "#kit/data/migrations.ts";
import { accounts } from "./0001-accounts.ts";

export const migrations: Migrations = [accounts];
