import type { SchemaChange } from "#kit/data/migrations.ts";

export const notifications: SchemaChange = {
  name: "0001_notifications",
  up: `
    create table notification (
      id uuid primary key,
      event_id uuid not null unique,
      user_id uuid not null,
      topic text not null,
      title text not null,
      body text not null,
      subject_id text not null,
      create_time timestamptz not null default now(),
      read_time timestamptz
    );
    create index notification_of_user on notification (user_id, id);
  `,
  down: "drop table notification",
};
