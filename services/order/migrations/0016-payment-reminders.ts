import type { SchemaChange } from "#kit/data/migrations.ts";

/** When the customers of orders that wait are reminded to confirm the payment. */
export const paymentReminders: SchemaChange = {
  name: "0016_payment_reminders",
  up: `
    alter table orders add column remind_at timestamptz;
    create index orders_to_remind on orders (remind_at) where state = 'AWAITING_PAYMENT' and remind_at is not null;
  `,
  down: `
    drop index orders_to_remind;
    alter table orders drop column remind_at;
  `,
};
