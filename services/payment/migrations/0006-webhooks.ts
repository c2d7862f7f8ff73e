import type { SchemaChange } from "#kit/data/migrations.ts";

export const webhooks: SchemaChange = {
  name: "0006_webhooks",
  up: `
    create table webhook_event (
      provider text not null,
      id text not null,
      type text not null,
      payment_id uuid,
      receive_time timestamptz not null default now(),
      handle_time timestamptz,
      primary key (provider, id)
    );
    create index webhook_event_receive_time on webhook_event (receive_time);
  `,
  down: "drop table webhook_event",
};
