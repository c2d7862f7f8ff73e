import type { SchemaChange } from "#kit/data/migrations.ts";

export const products: SchemaChange = {
  name: "0001_products",
  up: `
    create table category (
      id uuid primary key,
      slug text not null unique,
      name text not null,
      create_time timestamptz not null default now()
    );
    create table product (
      id uuid primary key,
      slug text not null unique,
      title text not null,
      description_html text not null,
      vendor text not null,
      category_id uuid references category,
      tags text[] not null,
      options jsonb not null,
      images jsonb not null,
      state text not null check (state in ('DRAFT', 'PUBLISHED', 'ARCHIVED')),
      version integer not null default 1,
      create_time timestamptz not null default now(),
      update_time timestamptz not null default now()
    );
    create table variant (
      id uuid primary key,
      product_id uuid not null references product,
      position integer not null,
      sku text not null,
      price_minor bigint not null check (price_minor >= 0),
      compare_at_minor bigint check (compare_at_minor >= 0),
      currency text not null check (currency ~ '^[A-Z]{3}$'),
      option_values text[] not null,
      grams integer not null check (grams >= 0),
      barcode text not null,
      retire_time timestamptz,
      unique (product_id, sku)
    );
  `,
  down: "drop table variant; drop table product; drop table category",
};
