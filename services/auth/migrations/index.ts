import type { Migrations } from "#kit/data/migrations.ts";
import { accounts } from "./0001-accounts.ts";
import { audit } from "./0002-audit.ts";

export const migrations: Migrations = [accounts, audit];
