import type { SchemaChange } from "#kit/data/migrations.ts";

/** Guesses what was meant, each word of which is in the catalogue. */
export const searchGuess = `
    create function search_guess(typed text) returns tsquery language sql stable strict parallel safe
      set pg_trgm.similarity_threshold = 0.2
    begin atomic
      with typed_word as (
        select word, position
        from unnest(string_to_array(search_words(typed), ' ')) with ordinality as it (word, position)
        where to_tsvector('english', word) <> ''
      ), swapped as (
        select position, overlay(word placing reverse(substr(word, at, 2)) from at for 2) as word
        from typed_word cross join generate_series(1, length(word) - 1) as at
      ), near as (
        select position, search_word.word, 1 as likeness
        from swapped join search_word using (word)
        union all
        select position, similar_word.word, likeness
        from typed_word cross join lateral (
          select search_word.word, similarity(search_word.word, typed_word.word) as likeness
          from search_word
          where search_word.word % typed_word.word
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
`;

export const search: SchemaChange = {
  name: "0003_search",
  // PostgreSQL knows four weights and a product has five kinds of text: the vendor stands twice and so counts
  // for more than the category beside it.
  // Where words are guessed, two neighbouring letters that are swapped, the most common mistake, count as no
  // mistake; otherwise the first letter is taken to be right.
  // What depends on what was typed is "stable" and not "immutable", so that its value does not become part of a
  // plan: one plan then serves all searches.
  up: `
    create extension if not exists unaccent;
    create extension if not exists pg_trgm;

    create function search_words(content text) returns text language sql immutable strict parallel safe
      return btrim(regexp_replace(lower(unaccent('unaccent', content)), '[^[:alnum:]]+', ' ', 'g'));

    create function search_vector(title text, tags text[], vendor text, category text, description_html text)
      returns tsvector language sql stable parallel safe
      return setweight(to_tsvector('english', search_words(title)), 'A')
        || setweight(to_tsvector('english', search_words(tags::text)), 'B')
        || setweight(to_tsvector('english', search_words(vendor || ' ' || vendor || ' ' || category)), 'C')
        || setweight(
             to_tsvector(
               'english',
               search_words(regexp_replace(description_html, '<[^>]*>|&#?[[:alnum:]]+;', ' ', 'g'))
             ),
             'D'
           );

    create function search_query(typed text) returns tsquery language sql stable strict parallel safe
    begin atomic
      select to_tsquery(
        'english',
        '''' || replace(words, ' ', ''' & ''') || '''' || case when words ~ '(^| )[a-z0-9]$' then '' else ':*' end
      )
      from (select nullif(search_words(typed), '') as words) as it;
    end;

    create table search_document (
      product_id uuid primary key references product_view on delete cascade,
      document tsvector not null
    ) with (toast_tuple_target = 8160);
    create index search_document_document on search_document using gin (document) with (fastupdate = off);

    create table search_word (word text primary key);
    create index search_word_similar on search_word using gin (word gin_trgm_ops) with (fastupdate = off);

    ${searchGuess}
  `,
  // The extensions stay: somebody else may have needed them before.
  down: `
    drop function search_guess(text);
    drop table search_word;
    drop table search_document;
    drop function search_query(text);
    drop function search_vector(text, text[], text, text, text);
    drop function search_words(text);
  `,
};
