import type { Migrations } from "#kit/data/migrations.ts";
import { stock } from "./0001-stock.ts";
import { reservations } from "./0002-reservations.ts";

export const migrations: Migrations = [stock, reservations];
