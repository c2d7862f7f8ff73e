import type { SchemaChange } from "#kit/data/migrations.ts";

export const reviews: SchemaChange = {
  name: "0009_reviews",
  // What the reviews of a product come to stands beside its view and not in it, so that whoever changes the catalogue
  // and whoever approves a review need not wait for one another, and neither undoes what the other did.
  // Each list that somebody can ask for has an index with its order.
  up: `
    alter table product_view
      add column stars bigint[] check (cardinality(stars) = 5 and 0 <= all (stars));
    create table review (
      id uuid primary key,
      product_id uuid not null references product,
      author_id uuid,
      author_name text not null,
      stars integer not null check (stars between 1 and 5),
      title text not null,
      body text not null,
      state text not null default 'PENDING' check (state in ('PENDING', 'APPROVED', 'REJECTED')),
      reject_reason text not null default '',
      reports integer not null default 0 check (reports >= 0),
      bought boolean not null default false,
      version integer not null default 1,
      create_time timestamptz not null default now(),
      update_time timestamptz not null default now(),
      constraint review_one_each unique (author_id, product_id)
    );
    create index review_author on review (author_id, id);
    create index review_product on review (product_id, id);
    create index review_product_state on review (product_id, state, id);
    create index review_product_stars on review (product_id, stars, id) where state = 'APPROVED';
    create index review_state on review (state, id);
    create index review_reported on review (id) where reports > 0;

    create table review_report (
      review_id uuid not null references review on delete cascade,
      reporter_id uuid not null,
      reason text not null,
      open boolean not null default true,
      create_time timestamptz not null default now(),
      primary key (review_id, reporter_id)
    );
    create index review_report_reporter on review_report (reporter_id);
    create index review_report_open on review_report (review_id, create_time) where open;

    create table purchase (
      customer_id uuid not null,
      product_id uuid not null references product,
      primary key (customer_id, product_id)
    );
  `,
  down: `
    drop table purchase;
    drop table review_report;
    drop table review;
    alter table product_view drop column stars;
  `,
};
