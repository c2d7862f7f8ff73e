import type { SchemaChange } from "#kit/data/migrations.ts";

export const erasedAccounts: SchemaChange = {
  name: "0008_erased_accounts",
  up: `
    alter table account add column delete_time timestamptz;
    create index account_delete_time on account (delete_time) where delete_time is not null;
  `,
  down: `
    drop index account_delete_time;
    alter table account drop column delete_time;
  `,
};
