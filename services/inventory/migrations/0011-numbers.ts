import type { SchemaChange } from "#kit/data/migrations.ts";

/** Keeps what merchants call a variant beside how much there is of it, for staff who knows it by that. */
export const numbers: SchemaChange = {
  name: "0011_numbers",
  up: "alter table stock_level add column sku text not null default ''",
  down: "alter table stock_level drop column sku",
};
