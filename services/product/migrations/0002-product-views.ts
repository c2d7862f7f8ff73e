import type { SchemaChange } from "#kit/data/migrations.ts";

export const productViews: SchemaChange = {
  name: "0002_product_views",
  // A view stays in its row up to 8 kB: fetching it from elsewhere, or compressed, would cost each read more.
  up: `
    create table product_view (
      product_id uuid primary key references product on delete cascade,
      slug text not null unique,
      category_id uuid references category,
      is_published boolean not null,
      view bytea not null
    ) with (toast_tuple_target = 8160);
    create index product_view_published on product_view (product_id) where is_published;
    create index product_view_category on product_view (category_id, product_id) where is_published;

    create table catalogue (
      id boolean primary key default true check (id),
      version bigint not null
    );
    insert into catalogue (version) values (1);
    create function count_catalogue_change() returns trigger language plpgsql as $$
      begin
        update catalogue set version = version + 1;
        return null;
      end
    $$;
    create trigger product_view_changed after insert or update or delete or truncate on product_view
      for each statement execute function count_catalogue_change();
  `,
  down: "drop table product_view; drop function count_catalogue_change(); drop table catalogue",
};
