import type { SchemaChange } from "#kit/data/migrations.ts";

/**
 * What an order came to in full, line by line, so that parts of it can be reckoned later. Orders of before have no
 * promotions; of their tax only the sum is known.
 */
export const keepTotals: SchemaChange = {
  name: "0004_keep_totals",
  up: `
    alter table orders
      drop constraint orders_check1,
      add column discounts jsonb not null default '[]',
      add column taxes jsonb not null default '[]',
      add column shipping_discounts jsonb not null default '[]',
      add column shipping_taxes jsonb not null default '[]',
      add column shipping_total bigint not null default 0 check (shipping_total >= 0),
      add column coupon_codes text[] not null default '{}';
    update orders set shipping_total = shipping;
    alter table order_line
      drop constraint order_line_check,
      add column product_id text not null default '',
      add column category_id text not null default '',
      add column tax_class text not null default 'standard',
      add column subtotal bigint not null default 0,
      add column discounts jsonb not null default '[]',
      add column taxes jsonb not null default '[]',
      add constraint order_line_total_check check (total >= 0);
    update order_line set subtotal = total;
    alter table order_line add constraint order_line_subtotal_check check (subtotal = unit_price * quantity);
  `,
  down: `
    alter table order_line
      drop column product_id, drop column category_id, drop column tax_class, drop column subtotal,
      drop column discounts, drop column taxes,
      drop constraint order_line_total_check,
      add constraint order_line_check check (total = unit_price * quantity) not valid;
    alter table orders
      drop column discounts, drop column taxes, drop column shipping_discounts, drop column shipping_taxes,
      drop column shipping_total, drop column coupon_codes,
      add constraint orders_check1 check (total = subtotal + shipping) not valid;
  `,
};
