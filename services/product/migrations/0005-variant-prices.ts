import type { SchemaChange } from "#kit/data/migrations.ts";

export const variantPrices: SchemaChange = {
  name: "0005_variant_prices",
  // The ordinary price of a variant in its own currency stays in its row; here are all others.
  // A view ends with the tax class: fields of a message in protobuf may stand in any order, the last value counts.
  up: `
    create table variant_price (
      variant_id uuid not null references variant on delete cascade,
      position integer not null,
      price_minor bigint not null check (price_minor >= 0),
      currency text not null check (currency ~ '^[A-Z]{3}$'),
      customer_group text not null,
      min_quantity bigint not null check (min_quantity >= 0),
      start_time timestamptz,
      end_time timestamptz,
      sale boolean not null,
      primary key (variant_id, position),
      check (start_time < end_time)
    );
    alter table variant add column price_version integer not null default 1;
    alter table product
      add column tax_class text not null default 'standard',
      add column price_turn_time timestamptz;
    create index product_price_turn on product (price_turn_time) where price_turn_time is not null;
    update product_view set view = view || '\\x7a087374616e64617264'::bytea;
  `,
  down: `
    alter table product drop column tax_class, drop column price_turn_time;
    alter table variant drop column price_version;
    drop table variant_price;
  `,
};
