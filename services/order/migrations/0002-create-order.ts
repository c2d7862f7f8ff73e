import type { SchemaChange } from "#kit/data/migrations.ts";

/** Orders and their lines; each change of an order is told on the channel order_changed. */
export const createOrder: SchemaChange = {
  name: "0002_create_order",
  up: `
    create table orders (
      id uuid primary key,
      number text not null unique,
      customer_id uuid not null,
      email text not null,
      state text not null check (state in ('PENDING', 'CONFIRMED', 'CANCELLING', 'CANCELLED')),
      currency text not null,
      subtotal bigint not null check (subtotal >= 0),
      shipping bigint not null check (shipping >= 0),
      tax_included bigint not null check (tax_included between 0 and total),
      total bigint not null check (total = subtotal + shipping),
      shipping_address jsonb not null,
      shipping_method text not null,
      cancel_reason text not null default '',
      version integer not null default 1,
      create_time timestamptz not null default now(),
      update_time timestamptz not null default now()
    );
    create index orders_customer on orders (customer_id, id desc);
    create index orders_pending on orders (customer_id) where state = 'PENDING';
    create table order_line (
      order_id uuid not null references orders on delete cascade,
      position integer not null,
      id uuid not null unique,
      cart_line_id uuid not null,
      variant_id uuid not null,
      sku text not null,
      title text not null,
      option_values text[] not null,
      quantity bigint not null check (quantity > 0),
      unit_price bigint not null check (unit_price >= 0),
      total bigint not null check (total = unit_price * quantity),
      note text not null,
      primary key (order_id, position)
    );
    create function tell_order_change() returns trigger language plpgsql as $$
      begin
        perform pg_notify('order_changed', new.id::text);
        return null;
      end
    $$;
    create trigger order_changed after insert or update on orders
      for each row execute function tell_order_change();
  `,
  down: "drop table order_line; drop table orders; drop function tell_order_change()",
};
