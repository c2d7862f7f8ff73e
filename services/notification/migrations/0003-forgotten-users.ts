import type { SchemaChange } from "#kit/data/migrations.ts";

/** Whose a mail is, and who is to be told nothing more. */
export const forgottenUsers: SchemaChange = {
  name: "0003_forgotten_users",
  up: `
    alter table mail add column user_id uuid;
    with owner as (
      select distinct on (recipient) recipient, notification.user_id from mail join notification using (event_id)
      order by recipient, notification.id desc)
    update mail set user_id = owner.user_id from owner where owner.recipient = mail.recipient;
    create index mail_of_user on mail (user_id) where user_id is not null;
    create table forgotten_user (
      user_id uuid primary key,
      event_id uuid not null,
      forget_time timestamptz not null default now(),
      erased boolean not null default false
    );
    create index forgotten_user_to_erase on forgotten_user (user_id) where not erased;
    create index forgotten_user_time on forgotten_user (forget_time);
  `,
  down: "drop table forgotten_user; alter table mail drop column user_id",
};
