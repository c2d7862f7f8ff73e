import { type RawBuilder, sql } from "kysely";

/**
 * Makes what PostgreSQL's search knows of some products what they are now: nothing of those that are
 * not published. The words of a product stay known after it is gone; they only serve to guess what
 * was meant.
 *
 * @param ids the products, stored before with their views
 * @returns statements, to be carried out in this order
 */
export function indexProducts(ids: readonly string[]): RawBuilder<unknown>[] {
  return [
    sql`
      delete from search_document using product
      where product_id = product.id and product.id = any (${ids}::uuid[]) and state <> 'PUBLISHED'
    `,
    sql`
      with indexed as (
        insert into search_document (product_id, document)
        select product.id, search_vector(title, tags, vendor, coalesce(category.name, ''), description_html)
        from product left join category on category.id = category_id
        where product.id = any (${ids}::uuid[]) and state = 'PUBLISHED'
        on conflict (product_id) do update set document = excluded.document
        returning document
      )
      insert into search_lexeme (lexeme)
      select distinct lexeme from indexed cross join unnest(tsvector_to_array(document)) as lexeme
      on conflict do nothing
    `,
    sql`
      insert into search_word (word)
      select distinct word
      from product left join category on category.id = category_id
      cross join string_to_table(search_words(concat_ws(' ', title, tags::text, vendor, category.name)), ' ') as word
      where product.id = any (${ids}::uuid[]) and state = 'PUBLISHED' and word <> ''
      on conflict do nothing
    `,
  ];
}
