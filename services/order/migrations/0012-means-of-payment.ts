import type { SchemaChange } from "#kit/data/migrations.ts";

/** What pays an order beside a card, and until when it waits for its customer to confirm the payment. */
export const meansOfPayment: SchemaChange = {
  name: "0012_means_of_payment",
  up: `
    alter table orders
      add column means jsonb not null default '[]',
      add column confirm_uri text,
      add column confirm_until timestamptz;
    create index orders_awaiting on orders (confirm_until) where state = 'AWAITING_PAYMENT' and changing is null;
    drop index orders_pending;
    create index orders_undecided on orders (cart_id) where state in ('PENDING', 'AWAITING_PAYMENT');
  `,
  down: `
    drop index orders_undecided;
    create index orders_pending on orders (cart_id) where state = 'PENDING';
    drop index orders_awaiting;
    alter table orders drop column means, drop column confirm_uri, drop column confirm_until;
  `,
};
