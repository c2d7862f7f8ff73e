import type { SchemaChange } from "#kit/data/migrations.ts";

/** What orders wait for. Of those that are there nothing is known until some of it comes, so that they wait for nothing. */
export const backOrders: SchemaChange = {
  name: "0018_back_orders",
  up: `
    alter table orders
      add column back_ordered text[] not null default '{}',
      add column stock_version integer not null default 0
  `,
  down: "alter table orders drop column back_ordered, drop column stock_version",
};
