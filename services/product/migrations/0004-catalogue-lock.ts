import type { SchemaChange } from "#kit/data/migrations.ts";

export const catalogueLock: SchemaChange = {
  name: "0004_catalogue_lock",
  // Events tell of changes; the row serves only to make them one after the other.
  up: `
    drop trigger product_view_changed on product_view;
    drop function count_catalogue_change();
    alter table catalogue drop column version;
  `,
  down: `
    alter table catalogue add column version bigint not null default 1;
    alter table catalogue alter column version drop default;
    create function count_catalogue_change() returns trigger language plpgsql as $$
      begin
        update catalogue set version = version + 1;
        return null;
      end
    $$;
    create trigger product_view_changed after insert or update or delete or truncate on product_view
      for each statement execute function count_catalogue_change();
  `,
};
