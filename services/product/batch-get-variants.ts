import { type RawBuilder, sql } from "kysely";
import type { ProductDatabase } from "./database.ts";
import {
  type ConditionalPrice,
  type GatheredPrices,
  gatherPrices,
  isOrdinary,
  readPrices,
  unconditional,
} from "./prices/conditional-price.ts";
import { shownPrice } from "./prices/shown-price.ts";

/** A variant that is on sale, with what an order shows of its product. */
export interface SaleVariant extends Row {
  /** Every price that holds now, in the currency asked for. */
  readonly prices: readonly ConditionalPrice[];
}

interface Row {
  readonly id: string;
  readonly sku: string;
  /** The price for everyone, in the currency asked for where it has one in it, and otherwise in its own. */
  readonly price_minor: bigint;
  readonly compare_at_minor: bigint | null;
  readonly currency: string;
  readonly option_values: string[];
  readonly grams: number;
  readonly barcode: string;
  readonly product_id: string;
  readonly slug: string;
  readonly title: string;
  readonly category_id: string | null;
  readonly tax_class: string;
}

/** For whom variants are priced. */
export interface Buyer {
  /** An ISO 4217 code; empty for the variant's own currency. */
  readonly currency: string;
  readonly customerGroups: readonly string[];
}

const ANYBODY: Buyer = { currency: "", customerGroups: [] };

/** Some variants, those left out that are unknown or not on sale, in one statement. */
export async function batchGetVariants(
  db: ProductDatabase,
  ids: readonly string[],
  { currency, customerGroups }: Buyer = ANYBODY,
): Promise<SaleVariant[]> {
  const { rows } = await sql<Row & { now: Date; held: GatheredPrices }>`
    select variant.id, sku, price_minor, compare_at_minor, currency, option_values, grams, barcode, product_id,
      slug, title, category_id, tax_class, now(), held
    from variant join product on product.id = product_id left join lateral (
      select ${gatherPrices} as held from variant_price
      where variant_id = variant.id and currency = ${priceCurrency(currency)}
        and customer_group = any (${["", ...customerGroups]}::text[])
        and (start_time is null or start_time <= now()) and (end_time is null or now() < end_time)
    ) as price on true
    where variant.id = any (${ids}::uuid[]) and retire_time is null and state = 'PUBLISHED'
  `.execute(db.sql);
  return rows.map(({ held, now, ...row }) => price(row, readPrices(held), currency, now));
}

function priceCurrency(currency: string): RawBuilder<unknown> {
  return currency === "" ? sql`variant.currency` : sql`${currency}`;
}

function price(row: Row, held: ConditionalPrice[], currency: string, now: Date): SaleVariant {
  const isOwn = currency === "" || currency === row.currency;
  const ordinary = isOwn ? unconditional(row.price_minor, row.currency) : held.find(isOrdinary);
  const prices = isOwn && ordinary !== undefined ? [ordinary, ...held] : held;
  if (ordinary === undefined) return { ...row, prices };
  const own = {
    minor: ordinary.minor,
    compareAt: isOwn ? (row.compare_at_minor ?? undefined) : undefined,
    currency: ordinary.currency,
  };
  const { minor, compareAt } = shownPrice(own, held, now);
  return {
    ...row,
    price_minor: minor,
    compare_at_minor: compareAt ?? null,
    currency: own.currency,
    prices,
  };
}
