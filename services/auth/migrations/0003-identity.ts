import type { SchemaChange } from "#kit/data/migrations.ts";

export const identity: SchemaChange = {
  name: "0003_identity",
  up: `
    alter table account
      alter column password_hash drop not null,
      add column email_verify_time timestamptz,
      add column disable_time timestamptz,
      add column disable_reason text,
      add column last_login_time timestamptz,
      add column access_change_time timestamptz;
    create index account_access_change_time on account (access_change_time) where access_change_time is not null;
    create index account_roles on account using gin (roles);
    create index account_email_prefix on account (email text_pattern_ops);

    create table session (
      id uuid primary key,
      account_id uuid not null references account on delete cascade,
      ip_address text,
      user_agent text,
      create_time timestamptz not null default now(),
      last_use_time timestamptz not null default now(),
      expire_time timestamptz not null,
      end_time timestamptz
    );
    insert into session (id, account_id, create_time, last_use_time, expire_time, end_time)
      select family_id, account_id, min(create_time), max(create_time), max(expire_time), min(revoke_time)
      from refresh_token group by family_id, account_id;
    create index session_account on session (account_id, last_use_time);
    create index session_end_time on session (end_time) where end_time is not null;
    create index session_expire_time on session (expire_time);

    drop index refresh_token_family;
    drop index refresh_token_account;
    alter table refresh_token rename column family_id to session_id;
    alter table refresh_token
      drop column account_id,
      drop column revoke_time,
      add foreign key (session_id) references session on delete cascade;
    create index refresh_token_session on refresh_token (session_id);

    create table mailed_token (
      token_hash bytea primary key,
      purpose text not null check (purpose in ('verify-email', 'reset-password')),
      account_id uuid not null references account on delete cascade,
      email text not null,
      expire_time timestamptz not null
    );
    create index mailed_token_account on mailed_token (account_id, purpose);
    create index mailed_token_expire_time on mailed_token (expire_time);
    create table password_reset_request (
      id uuid primary key,
      email text not null
    );

    create table login_challenge (
      token_hash bytea primary key,
      account_id uuid not null references account on delete cascade,
      expire_time timestamptz not null
    );
    create index login_challenge_account on login_challenge (account_id);
    create index login_challenge_expire_time on login_challenge (expire_time);
    create table second_factor (
      account_id uuid primary key references account on delete cascade,
      secret bytea not null,
      confirm_time timestamptz,
      last_step bigint not null default 0
    );
    create table recovery_code (
      account_id uuid not null references second_factor on delete cascade,
      code_hash bytea not null,
      primary key (account_id, code_hash)
    );

    create table failed_attempt (
      key bytea primary key,
      attempts integer not null,
      blocked_until timestamptz not null,
      expire_time timestamptz not null
    );
    create index failed_attempt_expire_time on failed_attempt (expire_time);
  `,
  down: `
    drop table failed_attempt;
    drop table recovery_code;
    drop table second_factor;
    drop table login_challenge;
    drop table password_reset_request;
    drop table mailed_token;

    drop index refresh_token_session;
    alter table refresh_token add column account_id uuid references account on delete cascade,
      add column revoke_time timestamptz;
    update refresh_token set account_id = session.account_id, revoke_time = session.end_time
      from session where session.id = refresh_token.session_id;
    alter table refresh_token alter column account_id set not null,
      drop constraint refresh_token_session_id_fkey;
    alter table refresh_token rename column session_id to family_id;
    create index refresh_token_family on refresh_token (family_id);
    create index refresh_token_account on refresh_token (account_id);
    drop table session;

    drop index account_email_prefix;
    drop index account_roles;
    delete from account where password_hash is null;
    alter table account alter column password_hash set not null,
      drop column email_verify_time,
      drop column disable_time,
      drop column disable_reason,
      drop column last_login_time,
      drop column access_change_time;
  `,
};
