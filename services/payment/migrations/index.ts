import type { Migrations } from "#kit/data/migrations.ts";
import { payments } from "./0001-payments.ts";
import { sandbox } from "./0002-sandbox.ts";
import { movements } from "./0003-movements.ts";
import { ledger } from "./0004-ledger.ts";
import { balances } from "./0005-balances.ts";
import { webhooks } from "./0006-webhooks.ts";
import { reconciliation } from "./0007-reconciliation.ts";
import { sandboxMovements } from "./0008-sandbox-movements.ts";
import { largeBooks } from "./0009-large-books.ts";

export const migrations: Migrations = [
  payments,
  sandbox,
  movements,
  ledger,
  balances,
  webhooks,
  reconciliation,
  sandboxMovements,
  largeBooks,
];
