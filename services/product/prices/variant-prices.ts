import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Kysely, sql } from "kysely";
import {
  type VariantPriceSchema,
  type VariantPrices,
  VariantPricesSchema,
} from "#gen/souk/product/v1/product_input_pb.ts";
import type { Tables } from "#kit/data/tables.ts";
import type { entities } from "../entities.ts";
import {
  type ConditionalPrice,
  type GatheredPrices,
  gatherPrices,
  type OwnPrice,
  readPrices,
  unconditional,
} from "./conditional-price.ts";

/** Every price of a variant. */
export interface PricedVariant {
  readonly id: string;
  readonly productId: string;
  readonly own: OwnPrice;
  readonly others: readonly ConditionalPrice[];
  readonly version: number;
}

interface Row {
  readonly id: string;
  readonly product_id: string;
  readonly price_minor: bigint;
  readonly compare_at_minor: bigint | null;
  readonly currency: string;
  readonly price_version: number;
  readonly prices: GatheredPrices;
}

/**
 * Every price of variants that are part of a product, in one statement.
 *
 * @param by the ids of the variants, or those of their products
 */
export async function readVariantPrices(
  db: Kysely<Tables<typeof entities>>,
  by: { readonly variants: readonly string[] } | { readonly products: readonly string[] },
): Promise<PricedVariant[]> {
  const [column, ids] = "variants" in by ? ["id", by.variants] : ["product_id", by.products];
  const { rows } = await sql<Row>`
    select id, product_id, price_minor, compare_at_minor, currency, price_version, prices
    from variant left join lateral (
      select ${gatherPrices} as prices from variant_price where variant_id = variant.id
    ) as other on true
    where ${sql.ref(column as string)} = any (${ids}::uuid[]) and retire_time is null
    order by product_id, position
  `.execute(db);
  return rows.map((row) => ({
    id: row.id,
    productId: row.product_id,
    own: { minor: row.price_minor, compareAt: row.compare_at_minor ?? undefined, currency: row.currency },
    others: readPrices(row.prices),
    version: row.price_version,
  }));
}

/** The prices of a variant as staff reads them: by currency, then by group, then by time. */
export function toVariantPrices({ id, own, others, version }: PricedVariant): VariantPrices {
  const prices = [unconditional(own.minor, own.currency), ...others].toSorted(
    (one, other) =>
      compare(one.currency, other.currency) ||
      compare(one.customerGroup, other.customerGroup) ||
      Number(one.start ?? 0) - Number(other.start ?? 0) ||
      Number(one.minQuantity - other.minQuantity),
  );
  return create(VariantPricesSchema, {
    variantId: id,
    prices: prices.map(toVariantPrice),
    etag: `${version}`,
  });
}

/** A price as the contract has it. */
export function toVariantPrice(price: ConditionalPrice): MessageInitShape<typeof VariantPriceSchema> {
  const { minor, currency, customerGroup, minQuantity, start, end, sale } = price;
  return {
    price: { minor, currency },
    customerGroup,
    minQuantity,
    startTime: start && timestampFromDate(start),
    endTime: end && timestampFromDate(end),
    sale,
  };
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
