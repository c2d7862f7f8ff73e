import type { Migrations } from "#kit/data/migrations.ts";
import { profiles } from "./0001-profiles.ts";
import { people } from "./0002-people.ts";

export const migrations: Migrations = [profiles, people];
