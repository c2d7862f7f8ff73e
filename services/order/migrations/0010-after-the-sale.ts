import type { SchemaChange } from "#kit/data/migrations.ts";

/**
 * What becomes of an order once it is confirmed: its timeline, shipments, returns, refunds and invoices. The figures
 * that must never run over stand in the order and its lines, under checks.
 */
export const afterTheSale: SchemaChange = {
  name: "0010_after_the_sale",
  up: `
    alter table orders
      drop constraint orders_state_check,
      add constraint orders_state_check check (state in ('PENDING', 'AWAITING_PAYMENT', 'CONFIRMED', 'CANCELLING',
        'CANCELLED', 'PARTIALLY_SHIPPED', 'SHIPPED', 'DELIVERED', 'RETURNED')),
      add column changing uuid,
      add column found_token_hash text,
      add column cancelled_total bigint not null default 0 check (cancelled_total between 0 and total),
      add column captured bigint not null default 0 check (captured between 0 and total - cancelled_total),
      add column refunding bigint not null default 0 check (refunding >= 0),
      add column refunded bigint not null default 0,
      add column shipping_refunded boolean not null default false,
      add constraint orders_refunded_check check (refunded >= 0 and refunded + refunding <= captured);
    create index orders_number on orders (number text_pattern_ops);
    create index orders_email on orders (lower(email) text_pattern_ops, id desc);
    create index orders_recipient on orders (lower(shipping_address ->> 'name') text_pattern_ops, id desc);
    create index orders_state on orders (state, id desc);
    alter table order_line
      add column shipped bigint not null default 0,
      add column cancelled bigint not null default 0,
      add column awaited bigint not null default 0,
      add column returned bigint not null default 0,
      add column refunded bigint not null default 0 check (refunded between 0 and quantity),
      add column refunded_amount bigint not null default 0 check (refunded_amount between 0 and total),
      add constraint order_line_sent_check check (shipped >= 0 and cancelled >= 0 and shipped + cancelled <= quantity),
      add constraint order_line_back_check check (awaited >= 0 and returned >= 0 and awaited + returned <= shipped);
    create table order_timeline (
      id uuid primary key,
      order_id uuid not null references orders on delete cascade,
      kind text not null,
      text text not null,
      actor_id text not null default '',
      reference_id text not null default '',
      visible_to_customer boolean not null default true,
      create_time timestamptz not null default now()
    );
    create index order_timeline_order on order_timeline (order_id, id desc);
    create function refuse_to_rewrite() returns trigger language plpgsql as $$
      begin
        raise exception 'a timeline is only ever added to';
      end
    $$;
    create trigger order_timeline_stands before update on order_timeline
      for each row execute function refuse_to_rewrite();
    create table shipment (
      id uuid primary key,
      order_id uuid not null references orders on delete cascade,
      state text not null check (state in ('SENT', 'DELIVERED')),
      lines jsonb not null,
      location_id text not null,
      carrier text not null,
      tracking_number text not null,
      tracking_uri text not null,
      captured bigint not null check (captured >= 0),
      version integer not null default 1,
      create_time timestamptz not null default now(),
      delivery_time timestamptz
    );
    create index shipment_order on shipment (order_id, id);
    create table refund (
      id uuid primary key,
      order_id uuid not null references orders on delete cascade,
      state text not null check (state in ('PENDING', 'SUCCEEDED', 'FAILED')),
      amount bigint not null check (amount > 0),
      lines jsonb not null,
      shipping bigint not null check (shipping >= 0),
      to_store_credit boolean not null,
      reason text not null,
      create_time timestamptz not null default now()
    );
    create index refund_order on refund (order_id, id);
    create table order_return (
      id uuid primary key,
      order_id uuid not null references orders on delete cascade,
      state text not null check (state in ('REQUESTED', 'APPROVED', 'RECEIVING', 'RECEIVED', 'REJECTED', 'CANCELLED')),
      lines jsonb not null,
      note text not null,
      instructions text not null default '',
      reject_reason text not null default '',
      refund_id uuid,
      version integer not null default 1,
      create_time timestamptz not null default now(),
      update_time timestamptz not null default now()
    );
    create index order_return_order on order_return (order_id, id);
    create table invoice_counter (
      kind text primary key check (kind in ('INVOICE', 'CREDIT_NOTE')),
      last bigint not null
    );
    insert into invoice_counter (kind, last) values ('INVOICE', 0), ('CREDIT_NOTE', 0);
    create table invoice (
      id uuid primary key,
      order_id uuid not null references orders on delete cascade,
      kind text not null references invoice_counter,
      number bigint not null,
      content jsonb not null,
      total bigint not null,
      create_time timestamptz not null default now(),
      unique (kind, number)
    );
    create index invoice_order on invoice (order_id, id);
  `,
  down: `
    drop table invoice;
    drop table invoice_counter;
    drop table order_return;
    drop table refund;
    drop table shipment;
    drop table order_timeline;
    drop function refuse_to_rewrite();
    alter table order_line
      drop column shipped, drop column cancelled, drop column awaited, drop column returned,
      drop column refunded, drop column refunded_amount;
    alter table orders
      drop column changing, drop column found_token_hash, drop column cancelled_total, drop column captured, drop column refunding,
      drop column refunded, drop column shipping_refunded,
      drop constraint orders_state_check,
      add constraint orders_state_check check (state in ('PENDING', 'CONFIRMED', 'CANCELLING', 'CANCELLED')) not valid;
    drop index orders_number;
    drop index orders_email;
    drop index orders_recipient;
    drop index orders_state;
  `,
};
