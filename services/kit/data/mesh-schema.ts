import type { Migrations } from "./migrations.ts";

/** What the kit keeps in the database of every service, in the schema `mesh`. */
export const meshMigrations: Migrations = [
  {
    name: "mesh_0001_idempotency",
    up: `
      create table mesh.idempotency (
        owner text not null,
        key text not null,
        request_hash bytea not null,
        answer bytea,
        create_time timestamptz not null default now(),
        primary key (owner, key)
      );
      create index idempotency_create_time on mesh.idempotency using brin (create_time) with (autosummarize = on);
    `,
    down: "drop table mesh.idempotency",
  },
  {
    name: "mesh_0002_outbox",
    up: `
      create table mesh.outbox (
        seq bigint generated always as identity primary key,
        id uuid not null,
        aggregate_id text not null,
        subject text not null,
        type text not null,
        payload bytea not null,
        request_id text not null,
        traceparent text,
        create_time timestamptz not null default clock_timestamp()
      );
    `,
    down: "drop table mesh.outbox",
  },
  {
    name: "mesh_0003_inbox",
    up: `
      create table mesh.inbox (
        event_id uuid not null,
        consumer text not null,
        primary key (event_id, consumer)
      );
    `,
    down: "drop table mesh.inbox",
  },
  {
    name: "mesh_0004_saga",
    up: `
      create table mesh.saga (
        id uuid primary key,
        name text not null,
        state text not null constraint saga_lease_held check (state in ('running', 'compensating', 'succeeded', 'failed')),
        step integer not null,
        attempts integer not null default 0,
        input jsonb,
        data jsonb not null default '{}',
        result jsonb,
        error jsonb,
        owner text,
        key text,
        request_hash bytea,
        request_id text not null,
        traceparent text,
        lease uuid not null,
        lease_until timestamptz not null,
        create_time timestamptz not null default now(),
        update_time timestamptz not null default now(),
        unique (owner, key)
      );
      create index saga_unfinished on mesh.saga (lease_until) where state in ('running', 'compensating');
      create index saga_failed on mesh.saga (id) where state = 'failed';
    `,
    down: "drop table mesh.saga",
  },
  {
    name: "mesh_0005_job",
    up: `
      create table mesh.job (
        name text primary key,
        next_start_time timestamptz not null default now(),
        last_start_time timestamptz,
        last_end_time timestamptz,
        lease uuid,
        lease_until timestamptz,
        last_error text not null default ''
      );
    `,
    down: "drop table mesh.job",
  },
  {
    name: "mesh_0006_saga_audit",
    up: "alter table mesh.saga add column audit bytea",
    down: "alter table mesh.saga drop column audit",
  },
];
