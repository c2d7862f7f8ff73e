import type { SchemaChange } from "#kit/data/migrations.ts";

/** What staff keeps of users, by what they are found, and that they are gone. */
export const people: SchemaChange = {
  name: "0002_people",
  up: `
    alter table profile
      add column customer_groups text[] not null default '{}',
      add column vat_id text not null default '',
      add column staff_note text not null default '',
      add column delete_time timestamptz,
      add constraint profile_erased check (delete_time is null or (email = '' and first_name = '' and last_name = ''
        and locale = '' and customer_groups = '{}' and vat_id = '' and staff_note = ''));
    create index profile_email on profile (lower(email) text_pattern_ops, id desc);
    create index profile_name on profile (lower(first_name || ' ' || last_name) text_pattern_ops, id desc);
    create index profile_last_name on profile (lower(last_name) text_pattern_ops, id desc);
    create index profile_groups on profile using gin (customer_groups);
  `,
  down: `
    drop index profile_groups;
    drop index profile_last_name;
    drop index profile_name;
    drop index profile_email;
    alter table profile
      drop constraint profile_erased,
      drop column delete_time,
      drop column staff_note,
      drop column vat_id,
      drop column customer_groups;
  `,
};
