import type { SchemaChange } from "#kit/data/migrations.ts";

/** One table of all that is sent to somebody, in place of the one of mails. */
export const deliveries: SchemaChange = {
  name: "0004_deliveries",
  up: `
    create table delivery (
      id uuid primary key,
      event_id uuid not null,
      channel text not null check (channel in ('SHOP', 'EMAIL', 'WEBHOOK')),
      endpoint_id uuid,
      user_id uuid,
      topic text not null,
      recipient text not null,
      content jsonb,
      state text not null default 'PENDING' check (state in ('PENDING', 'DELIVERED', 'FAILED', 'SUPPRESSED')),
      attempts int not null default 0 check (attempts >= 0),
      attempts_before int not null default 0 check (attempts_before between 0 and attempts),
      attempt_log jsonb not null default '[]',
      next_attempt_at timestamptz not null default now(),
      last_error text,
      create_time timestamptz not null default now(),
      delivery_time timestamptz,
      constraint delivery_time_known check ((delivery_time is not null) = (state = 'DELIVERED')),
      constraint delivery_endpoint_known check ((endpoint_id is not null) = (channel = 'WEBHOOK')),
      constraint delivery_content_known check (state <> 'PENDING' or content is not null)
    );
    insert into delivery (id, event_id, channel, user_id, topic, recipient, content, state, attempts, next_attempt_at,
        last_error, create_time, delivery_time)
      select mail.id, event_id, 'EMAIL', mail.user_id, coalesce(notification.topic, ''), recipient,
        case when mail.state <> 'sent'
          then jsonb_build_object('subject', subject, 'text', text, 'html', html, 'messageId', message_id) end,
        case mail.state when 'queued' then 'PENDING' when 'sent' then 'DELIVERED' else 'FAILED' end, attempts,
        next_attempt_at, last_error, mail.create_time, sent_time
      from mail left join notification using (event_id);
    drop table mail;
    -- The ids of endpoints are no ids of channels that have none.
    create unique index delivery_once on delivery (event_id, channel, coalesce(endpoint_id, event_id));
    create index delivery_mail_due on delivery (next_attempt_at) where channel = 'EMAIL' and state = 'PENDING';
    create index delivery_call_due on delivery (endpoint_id, next_attempt_at)
      where channel = 'WEBHOOK' and state = 'PENDING';
    create index delivery_in_state on delivery (channel, state, id);
    create index delivery_of_user on delivery (user_id, id) where user_id is not null;
    create index delivery_to_endpoint on delivery (endpoint_id, state, id) where endpoint_id is not null;
  `,
  down: `
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
      user_id uuid,
      constraint mail_sent_time_known check ((sent_time is not null) = (state = 'sent'))
    );
    create index mail_due on mail (next_attempt_at) where state = 'queued';
    create index mail_of_user on mail (user_id) where user_id is not null;
    insert into mail (id, event_id, user_id, recipient, subject, text, html, message_id, state, attempts,
        next_attempt_at, last_error, create_time, sent_time)
      select id, event_id, user_id, recipient, coalesce(content ->> 'subject', ''), coalesce(content ->> 'text', ''),
        coalesce(content ->> 'html', ''), coalesce(content ->> 'messageId', event_id::text),
        case state when 'PENDING' then 'queued' when 'DELIVERED' then 'sent' else 'failed' end, attempts,
        next_attempt_at, last_error, create_time, delivery_time
      from delivery where channel = 'EMAIL' and state <> 'SUPPRESSED';
    drop table delivery;
  `,
};
