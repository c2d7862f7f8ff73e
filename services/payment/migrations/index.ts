import type { Migrations } from "#kit/data/migrations.ts";
import { payments } from "./0001-payments.ts";
import { sandbox } from "./0002-sandbox.ts";

export const migrations: Migrations = [payments, sandbox];
