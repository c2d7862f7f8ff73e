import type { SchemaChange } from "#kit/data/migrations.ts";

/** Who outside of the shop is told of events, and the encrypted secrets under which that is signed. */
export const webhooks: SchemaChange = {
  name: "0006_webhooks",
  up: `
    create table webhook_endpoint (
      id uuid primary key,
      url text not null,
      description text not null,
      events text[] not null check (cardinality(events) > 0),
      enabled boolean not null default true,
      version int not null default 1,
      create_time timestamptz not null default now()
    );
    create table webhook_secret (
      id uuid primary key,
      endpoint_id uuid not null references webhook_endpoint on delete cascade,
      secret bytea not null,
      expire_time timestamptz
    );
    create index webhook_secret_of_endpoint on webhook_secret (endpoint_id, id);
    create unique index webhook_secret_current on webhook_secret (endpoint_id) where expire_time is null;
  `,
  down: "drop table webhook_secret; drop table webhook_endpoint",
};
