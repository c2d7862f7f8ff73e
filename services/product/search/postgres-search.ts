import { sql } from "kysely";
import { UUID } from "#kit/data/page-token.ts";
import type { ProductDatabase } from "../database.ts";
import { type StoredView, toProduct } from "../product-view.ts";
import type { SearchEngine } from "./search-engine.ts";

/** With fewer exact matches than this, words that are spelt similarly are looked for as well. */
const FEW = 5;
/** Stands before every match: no kind is as large. */
const BEGINNING = ["2", "0", "ffffffff-ffff-ffff-ffff-ffffffffffff"];

interface Row extends StoredView {
  readonly kind: number;
  readonly rank: string;
  readonly product_id: string;
}

/**
 * Searches with PostgreSQL's full text search, in one statement. All words must be there, the last
 * one may be the beginning of a word; case and accents do not count, nor do the endings of English
 * words. A match in the title counts for most, then tags, vendor, category, description; among equals
 * the newest product comes first. Where there are few such matches, those follow that have the most
 * similar words of the catalogue's titles, tags, vendors and categories instead (by trigrams; a number is no word, but two
 * of its digits may be swapped). Of words that very many products have, a hundred of the newest matches are found, so that
 * a search takes no longer in a large catalogue.
 */
export function postgresSearch(db: ProductDatabase): SearchEngine {
  return {
    positionShapes: [/^[01]$/, /^[0-9.e+-]{1,20}$/, UUID],
    async search({ words, limit, after }) {
      const [kind, rank, productId] = after ?? BEGINNING;
      // PostgreSQL keeps no text with this character.
      const typed = words.replaceAll("\0", " ");
      const { rows } = await sql<Row>`
        with typed as materialized (
          select search_query(${typed}) as query
        ), exact as materialized (
          select match.product_id, match.rank from typed cross join search_matches(query) as match
        ), meant as materialized (
          select guess as query from typed cross join search_guess(${typed}) as guess
          where (select count(*) from exact) < ${FEW} and guess::text <> replace(typed.query::text, ':*', '')
        ), hit as (
          select 1 as kind, rank, product_id from exact
          union all
          select 0, match.rank, match.product_id from meant cross join search_matches(query) as match
          where match.product_id not in (select product_id from exact)
        ), page as (
          select kind, rank, product_id from hit
          where (kind, rank, product_id) < (${kind}::int, ${rank}::real, ${productId}::uuid)
          order by kind desc, rank desc, product_id desc
          limit ${limit}
        )
        select kind, rank::text, product_id, view, stars
        from page join product_view using (product_id)
        order by kind desc, page.rank desc, product_id desc
      `.execute(db.sql);
      return rows.map(({ kind, rank, product_id, ...stored }) => ({
        product: toProduct(stored),
        position: [`${kind}`, rank, product_id],
      }));
    },
  };
}
