import type { SchemaChange } from "#kit/data/migrations.ts";

/** Orders count in the cart that they are made of, so that of two that were reckoned from the same cart one is stored. */
export const ordersInTurn: SchemaChange = {
  name: "0014_orders_in_turn",
  up: `
    alter table cart add column orders_begun integer not null default 0
      constraint cart_as_read check (orders_begun >= 0)
  `,
  down: "alter table cart drop column orders_begun",
};
