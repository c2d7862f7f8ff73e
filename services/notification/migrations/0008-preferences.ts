import type { SchemaChange } from "#kit/data/migrations.ts";

/** What users do not want to be told. */
export const preferences: SchemaChange = {
  name: "0008_preferences",
  up: `
    create table preferences (
      user_id uuid primary key,
      version integer not null default 0 check (version >= 0),
      switched_off text[] not null default '{}'
    );
  `,
  down: "drop table preferences",
};
