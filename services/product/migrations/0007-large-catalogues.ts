import type { SchemaChange } from "#kit/data/migrations.ts";

/** Finds a number of matches, and says how good each is. */
export const searchMatches = `
    create function search_matches(query tsquery) returns table (product_id uuid, rank real)
      language plpgsql stable strict set enable_seqscan = off
    as $$
      declare
        recent integer;
        found uuid[] := '{}';
      begin
        select count(*) into recent from (
          select d.document from search_document d order by d.product_id desc limit 2000
        ) as newest where newest.document @@ query;
        if recent >= 10 then
          found := array(
            select newest.product_id from (
              select d.product_id, d.document from search_document d order by d.product_id desc limit 20000
            ) as newest where newest.document @@ query limit 100
          );
        end if;
        if cardinality(found) < 50 then
          found := found || array(select d.product_id from search_document d where d.document @@ query limit 500);
        end if;
        return query
          select d.product_id, ts_rank(d.document, query) from search_document d where d.product_id = any (found);
      end
    $$;
`;

/**
 * Keeps what a call costs the same however many products there are: a search looks at a number of matches, a category
 * knows how many products it has, and each list of staff has an index.
 */
export const largeCatalogues: SchemaChange = {
  name: "0007_large_catalogues",
  // The newest documents tell how common some words are. Of common ones the newest matches are found by walking through
  // documents from the newest on, of all others by the index of words, which has to read all that it knows of each.
  // What SKUs and barcodes begin like must be known, so that a list of staff is not looked for among all variants.
  // Who changes the catalogue has its lock, so that nobody waits for the row of a category.
  up: `
    ${searchMatches}

    alter table category add column products bigint not null default 0;
    update category set products = (
      select count(*) from product_view where category_id = category.id and is_published
    );
    create function count_products() returns trigger language plpgsql as $$
      begin
        if tg_op = 'INSERT' then
          update category set products = products + it.number
          from (select category_id, count(*) as number from fresh where is_published group by category_id) as it
          where id = category_id;
        elsif tg_op = 'DELETE' then
          update category set products = products - it.number
          from (select category_id, count(*) as number from stale where is_published group by category_id) as it
          where id = category_id;
        else
          update category set products = products + it.number
          from (
            select category_id, sum(change) as number from (
              select category_id, 1 as change from fresh where is_published
              union all select category_id, -1 from stale where is_published
            ) as moved group by category_id having sum(change) <> 0
          ) as it
          where id = category_id;
        end if;
        return null;
      end
    $$;
    create trigger product_view_came after insert on product_view
      referencing new table as fresh for each statement execute function count_products();
    create trigger product_view_changed after update on product_view
      referencing old table as stale new table as fresh for each statement execute function count_products();
    create trigger product_view_went after delete on product_view
      referencing old table as stale for each statement execute function count_products();

    create index product_state on product (state, id);
    create statistics variant_sku_start on (lower(sku)) from variant;
    create statistics variant_barcode_start on (lower(barcode)) from variant;
    analyze variant;
  `,
  down: `
    drop statistics variant_sku_start, variant_barcode_start;
    drop index product_state;
    drop trigger product_view_came on product_view;
    drop trigger product_view_changed on product_view;
    drop trigger product_view_went on product_view;
    drop function count_products();
    alter table category drop column products;
    drop function search_matches(tsquery);
  `,
};
