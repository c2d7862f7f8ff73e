import type { SchemaChange } from "#kit/data/migrations.ts";
import { searchGuess } from "./0003-search.ts";
import { searchMatches } from "./0007-large-catalogues.ts";

/** Keeps what a search for words that few products have together costs low in a large catalogue. */
export const lexemes: SchemaChange = {
  name: "0008_lexemes",
  // The index of words gathers all that it knows of the words that begin like the last one before it looks at the others,
  // but where it is asked for whole words it skips what lacks one of them. So all words are known that documents have, and
  // where a few begin like the last one, it is asked for those. What none of the newest 500 documents match is not common.
  // A catalogue may have as many numbers as products: none of them is taken for a similar one, but where two digits are
  // swapped.
  up: `
    create table search_lexeme (lexeme text collate "C" primary key);
    insert into search_lexeme select word from ts_stat('select document from search_document');

    create or replace function search_matches(query tsquery) returns table (product_id uuid, rank real)
      language plpgsql stable strict set enable_seqscan = off
    as $$
      declare
        recent integer;
        found uuid[] := '{}';
        beginning text := substring(query::text from '''([^'']*)'':\\*$');
        wanted tsquery := query;
        number integer;
        words text;
      begin
        if exists (
          select from (
            select d.document from search_document d order by d.product_id desc limit 500
          ) as newest where newest.document @@ query
        ) then
          select count(*) into recent from (
            select from (
              select d.document from search_document d order by d.product_id desc limit 2000
            ) as newest where newest.document @@ query limit 10
          ) as it;
        end if;
        if recent = 10 then
          found := array(
            select newest.product_id from (
              select d.product_id, d.document from search_document d order by d.product_id desc limit 20000
            ) as newest where newest.document @@ query limit 100
          );
          return query
            select d.product_id, ts_rank(d.document, query) from search_document d where d.product_id = any (found);
        end if;
        if cardinality(found) >= 50 then
          return;
        end if;
        if beginning is not null then
          select count(*), string_agg('''' || lexeme || '''', ' | ') into number, words from (
            select lexeme from search_lexeme
            where lexeme >= beginning and lexeme <= beginning || chr(1114111) limit 33
          ) as known;
          if number = 0 then
            return;
          elsif number <= 32 then
            wanted := regexp_replace(query::text, '''[^'']*'':\\*$', '(' || words || ')')::tsquery;
          end if;
        end if;
        return query
          select d.product_id, ts_rank(d.document, query) from (
            select * from search_document where document @@ wanted limit 500
          ) as d
          where d.product_id <> all (found);
      end
    $$;

    drop index search_word_similar;
    create index search_word_similar on search_word using gin (word gin_trgm_ops) with (fastupdate = off)
      where word !~ '^[0-9]+$';
    create or replace function search_guess(typed text) returns tsquery language sql stable strict parallel safe
      set pg_trgm.similarity_threshold = 0.2
    begin atomic
      with typed_word as (
        select word, position
        from unnest(string_to_array(search_words(typed), ' ')) with ordinality as it (word, position)
        where to_tsvector('english', word) <> ''
      ), swapped as (
        select position, word from typed_word
        union
        select position, overlay(word placing reverse(substr(word, at, 2)) from at for 2)
        from typed_word cross join generate_series(1, length(word) - 1) as at
      ), near as (
        select position, search_word.word, 1::real as likeness
        from swapped join search_word using (word)
        union
        select position, similar_word.word, likeness
        from typed_word cross join lateral (
          select search_word.word, similarity(search_word.word, typed_word.word) as likeness
          from search_word
          where search_word.word % typed_word.word
            and search_word.word !~ '^[0-9]+$'
            and typed_word.word !~ '^[0-9]+$'
            and left(search_word.word, 1) = left(typed_word.word, 1)
            and abs(length(search_word.word) - length(typed_word.word)) <= 1 + length(typed_word.word) / 6
          order by likeness desc, search_word.word limit 5
        ) as similar_word
      ), meant as (
        select position, string_agg('''' || word || '''', ' | ') as words
        from (select *, max(likeness) over (partition by position) as best from near) as it
        where likeness >= 0.8 * best
        group by position
      )
      select case
        when count(*) = count(words) then to_tsquery('english', string_agg('(' || words || ')', ' & '))
      end
      from typed_word left join meant using (position);
    end;
  `,
  down: `
    drop function search_guess(text), search_matches(tsquery);
    drop table search_lexeme;
    drop index search_word_similar;
    create index search_word_similar on search_word using gin (word gin_trgm_ops) with (fastupdate = off);
    ${searchGuess}
    ${searchMatches}
  `,
};
