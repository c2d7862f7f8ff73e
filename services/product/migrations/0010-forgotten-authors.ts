import type { SchemaChange } from "#kit/data/migrations.ts";

/** Who has left, so that what was on its way then is erased as well. */
export const forgottenAuthors: SchemaChange = {
  name: "0010_forgotten_authors",
  up: `
    create table forgotten_author (
      user_id uuid primary key,
      forget_time timestamptz not null default now(),
      erased boolean not null default false
    );
    create index forgotten_author_to_erase on forgotten_author (user_id) where not erased;
    create index forgotten_author_time on forgotten_author (forget_time);
  `,
  down: "drop table forgotten_author",
};
