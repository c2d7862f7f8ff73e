import type { Migrations } from "#kit/data/migrations.ts";
import { profiles } from "./0001-profiles.ts";

export const migrations: Migrations = [profiles];
