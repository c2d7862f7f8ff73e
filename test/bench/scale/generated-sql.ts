import { ADJECTIVES, MATERIALS, THINGS } from "../catalogue.ts";
import { type GeneratedShop, KINDS, type Kind, regularsOf, VARIANTS_PER_PRODUCT, YEAR_S } from "./size.ts";

const DAY = "interval '1 day'";
const FIRST_NAMES =
  "Ada,Alan,Barbara,Carl,Dana,Edsger,Emmy,Frances,Grace,Hedy,Ida,Joan,Kurt,Leslie,Mary,Niklaus,Olga,Radia,Sophie,Tony";
const LAST_NAMES =
  "Lovelace,Turing,Liskov,Gauss,Scott,Dijkstra,Noether,Allen,Hopper,Lamarr,Rhodes,Clarke,Goedel,Lamport,Shaw,Wirth," +
  "Ladyzhenskaya,Perlman,Wilson,Hoare,Backus,Knuth,Mills,Bartik,Goldberg,Codd,Gray,Kay,Naur,Ritchie";

/**
 * What statements that fill a shop are written with: the functions of size.ts in SQL, which each database gets.
 *
 * @param shop the shop
 */
export function generationSchema({ endMs, customers, products }: GeneratedShop): string {
  const made = (of: number) => `${endMs - 2_000 * YEAR_S} + number * ${YEAR_S} / ${of} * 1000`;
  return `
    create schema bench;
    create function bench.at(ms bigint) returns timestamptz immutable parallel safe
      return timestamptz 'epoch' + ms * interval '1 millisecond';
    create function bench.id(kind integer, number bigint, ms bigint) returns uuid immutable parallel safe return (
      lpad(to_hex(ms), 12, '0') || '7' || lpad(to_hex(number % 4096), 3, '0') ||
      '8' || lpad(to_hex(kind), 3, '0') || lpad(to_hex(number), 12, '0'))::uuid;
    create function bench.customer_ms(number bigint) returns bigint immutable parallel safe
      return ${made(customers)};
    create function bench.product_ms(number bigint) returns bigint immutable parallel safe
      return ${made(products)};
    create function bench.customer(number bigint) returns uuid immutable parallel safe
      return bench.id(${KINDS.customer}, number, bench.customer_ms(number));
    create function bench.product(number bigint) returns uuid immutable parallel safe
      return bench.id(${KINDS.product}, number, bench.product_ms(number));
    create function bench.variant(number bigint) returns uuid immutable parallel safe
      return bench.id(${KINDS.variant}, number, bench.product_ms(number / ${VARIANTS_PER_PRODUCT}));
    create function bench.price(variant bigint) returns bigint immutable parallel safe
      return 1950 + variant / ${VARIANTS_PER_PRODUCT} % 80 * 100;
    create function bench.title(product bigint) returns text immutable parallel safe
      return initcap(${pick(ADJECTIVES, "product")}) || ' ' || ${pick(MATERIALS, "product + product / 16")} || ' ' ||
        ${pick(THINGS, "product + product / 4")} || ' ' || product;
    create function bench.category(product bigint) returns uuid immutable parallel safe
      return bench.id(${KINDS.category}, (product + product / 4) % ${THINGS.length}, ${endMs - 2_000 * YEAR_S});
    create function bench.cart(number bigint) returns uuid immutable parallel safe
      return bench.id(${KINDS.cart}, number, bench.customer_ms(number) + 60000);
    create function bench.first_name(customer bigint) returns text immutable parallel safe
      return (string_to_array('${FIRST_NAMES}', ','))[1 + customer % 20];
    create function bench.last_name(customer bigint) returns text immutable parallel safe
      return (string_to_array('${LAST_NAMES}', ','))[1 + customer * 7 / 3 % 30];
    create function bench.email(customer bigint) returns text immutable parallel safe
      return lower(bench.first_name(customer) || '.' || bench.last_name(customer) || customer || '@example.com');
    create function bench.tax(total bigint) returns bigint immutable parallel safe
      return (2 * total * 190000 + 1190000) / (2 * 1190000);
  `;
}

function pick(words: readonly string[], at: string): string {
  return `(string_to_array('${words.join(",")}', ','))[1 + (${at}) % ${words.length}]`;
}

/** An id in SQL of something that was made at a time told in ms. */
export function sqlId(kind: Kind, number: string, ms: string): string {
  return `bench.id(${KINDS[kind]}, ${number}, ${ms})`;
}

/**
 * The statements that reckon all orders of a shop with their lines, in tables of the schema bench. The databases of
 * several services are filled from them, so that all tell of the same orders.
 *
 * @param shop the shop
 */
export function reckonOrders(shop: GeneratedShop): string[] {
  const { endMs, orders, customers, variants } = shop;
  const regulars = regularsOf(shop);
  const end = `bench.at(${endMs})`;
  return [
    `create unlogged table bench.line as
      select number, place, variant, bench.variant(variant) as variant_id, quantity, bench.price(variant) as price,
        quantity * bench.price(variant) as total
      from generate_series(0, ${orders - 1}::bigint) as number
        cross join lateral generate_series(0, case when number % 3 = 0 then 1 else 0 end) as place
        cross join lateral (select (number * 48271 + place * 40503) % ${variants} as variant,
          case when place = 0 and number % 7 = 0 then 2 else 1 end as quantity) as bought`,
    `create unlogged table bench.placed as
      select number, id, ms, at, customer, case when number % 20 <> 13 then bench.customer(customer) end as customer_id,
        state, state in ('SHIPPED', 'DELIVERED') as sent, subtotal, shipping, subtotal + shipping as total,
        bench.tax(subtotal + shipping) as tax
      from (
        select number, ms, bench.at(ms) as at, ${sqlId("order", "number", "ms")} as id,
          case when number % 10 = 0 then number / 10 % ${regulars}
            else ${regulars} + number * 7919 % ${customers - regulars} end as customer,
          case when number % 25 = 7 then 'CANCELLED'
            when bench.at(ms) > ${end} - 5 * ${DAY} and number % 4 > 0 then 'CONFIRMED'
            when bench.at(ms) > ${end} - 10 * ${DAY} then 'SHIPPED' else 'DELIVERED' end as state,
          subtotal, case when subtotal >= 5000 then 0 else 490 end as shipping
        from (
          select number, ${endMs - 1_000 * YEAR_S} + (number + 1) * ${YEAR_S} / ${orders} * 1000 as ms, sum(total)::bigint as subtotal
          from bench.line group by number
        ) as it
      ) as it order by number`,
    "analyze bench.line, bench.placed",
  ];
}

/** When the goods of an order were sent and arrived, and when it was cancelled, in ms since the epoch, in SQL. */
export const SENT_MS = "ms + 600000";
export const ARRIVED_MS = "ms + 259200000";
export const CANCELLED_MS = "ms + 300000";
/** The id of the shipment of an order, in SQL. */
export const SHIPMENT_ID = sqlId("shipment", "number", SENT_MS);
