import type { SchemaChange } from "#kit/data/migrations.ts";

/** Promotions, their coupon codes, and which order used which. */
export const promotions: SchemaChange = {
  name: "0006_promotions",
  up: `
    create table promotion (
      id uuid primary key,
      terms jsonb not null,
      automatic boolean not null,
      start_time timestamptz not null,
      end_time timestamptz,
      usage_limit bigint not null check (usage_limit >= 0),
      usage_limit_per_customer bigint not null check (usage_limit_per_customer >= 0),
      used bigint not null default 0 check (used >= 0),
      version integer not null default 1,
      create_time timestamptz not null default now()
    );
    create index promotion_automatic on promotion (id) where automatic;
    create table promotion_code (
      code text primary key,
      promotion_id uuid not null references promotion
    );
    create index promotion_code_promotion on promotion_code (promotion_id);
    create table promotion_use (
      order_id uuid not null,
      promotion_id uuid not null references promotion,
      customer_key text not null,
      counted boolean not null,
      counted_for_customer boolean not null,
      primary key (order_id, promotion_id)
    );
    create index promotion_use_promotion on promotion_use (promotion_id);
    create table promotion_customer (
      promotion_id uuid not null references promotion,
      customer_key text not null,
      used bigint not null check (used >= 0),
      primary key (promotion_id, customer_key)
    );
  `,
  down: "drop table promotion_customer; drop table promotion_use; drop table promotion_code; drop table promotion",
};
