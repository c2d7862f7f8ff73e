import type { Migrations } from "#kit/data/migrations.ts";
import { stock } from "./0001-stock.ts";
import { reservations } from "./0002-reservations.ts";
import { locations } from "./0003-locations.ts";
import { stockPolicies } from "./0004-stock-policies.ts";
import { transfers } from "./0005-transfers.ts";
import { stockTakes } from "./0006-stock-takes.ts";
import { changes } from "./0007-changes.ts";
import { largeStock } from "./0008-large-stock.ts";
import { bookingAge } from "./0009-booking-age.ts";
import { partialTransfers } from "./0010-partial-transfers.ts";
import { numbers } from "./0011-numbers.ts";

export const migrations: Migrations = [
  stock,
  reservations,
  locations,
  stockPolicies,
  transfers,
  stockTakes,
  changes,
  largeStock,
  bookingAge,
  partialTransfers,
  numbers,
];
