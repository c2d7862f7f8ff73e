import type { SchemaChange } from "#kit/data/migrations.ts";

export const mail: SchemaChange = {
  name: "0002_mail",
  up: `
    create table mail (
      id uuid primary key,
      event_id uuid not null unique,
      recipient text not null,
      subject text not null,
      text text not null,
      html text not null,
      message_id text not null unique,
      state text not null default 'queued' check (state in ('queued', 'sent', 'failed')),
      attempts int not null default 0 check (attempts >= 0),
      next_attempt_at timestamptz not null default now(),
      last_error text,
      create_time timestamptz not null default now(),
      sent_time timestamptz,
      constraint mail_sent_time_known check ((sent_time is not null) = (state = 'sent'))
    );
    create index mail_due on mail (next_attempt_at) where state = 'queued';
  `,
  down: "drop table mail",
};
