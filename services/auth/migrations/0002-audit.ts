import type { SchemaChange } from "#kit/data/migrations.ts";

export const audit: SchemaChange = {
  name: "0002_audit",
  up: `
    create table audit_record (
      seq bigint primary key,
      id uuid not null unique,
      service text not null,
      method text not null,
      account_id text not null,
      caller text not null,
      object_id text not null,
      result smallint not null,
      reason text not null,
      client_address text not null,
      request_id text not null,
      start_time timestamptz not null,
      count integer not null,
      hash bytea not null
    );
    create index audit_record_account on audit_record (account_id, seq) where account_id <> '';
    create index audit_record_object on audit_record (object_id, seq) where object_id <> '';
    create index audit_record_method on audit_record (method, seq);
    create index audit_record_result on audit_record (result, seq) where result <> 1;
    create index audit_record_start_time on audit_record using brin (start_time) with (autosummarize = on);

    create table audit_head (
      one boolean primary key default true check (one),
      seq bigint not null,
      hash bytea not null,
      signature text not null
    );
    insert into audit_head (seq, hash, signature) values (0, decode(repeat('00', 32), 'hex'), '');

    create function audit_refuse() returns trigger language plpgsql as $$
      begin
        raise exception 'records of the audit are only ever added';
      end
    $$;
    create trigger audit_record_append_only before update or delete or truncate on audit_record
      for each statement execute function audit_refuse();
    create trigger audit_head_stays before delete or truncate on audit_head
      for each statement execute function audit_refuse();
    create trigger audit_head_goes_on before update on audit_head
      for each row when (new.seq <= old.seq) execute function audit_refuse();
  `,
  down: "drop table audit_head; drop table audit_record; drop function audit_refuse",
};
