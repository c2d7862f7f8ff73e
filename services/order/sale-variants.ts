import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { ProductService, type SaleVariant } from "#gen/souk/product/v1/product_pb.ts";
import type { Scope } from "#kit/scope.ts";

/** What was asked of product, by variant: undefined where the variant is not on sale. */
export type SaleVariants = ReadonlyMap<string, SaleVariant | undefined>;

/**
 * Asks product for variants as they are on sale now, with one call; none when all are known.
 *
 * @param scope the work
 * @param ids the variants, 200 at most, in lower case; one may stand several times
 * @param known what was asked for before
 * @returns what was known and what was asked for
 */
export async function readSaleVariants(
  scope: Scope,
  ids: readonly string[],
  known: SaleVariants = new Map(),
): Promise<SaleVariants> {
  const unknown = new Set(ids.filter((id) => !known.has(id)));
  if (unknown.size === 0) return known;
  const { variants } = await scope.mesh(ProductService).batchGetVariants({ ids: [...unknown] });
  const all = new Map(known);
  for (const id of unknown) all.set(id, undefined);
  for (const sale of variants) all.set(sale.variant?.id ?? "", sale);
  return all;
}

/**
 * What one of each variant costs.
 *
 * @param variants what product said
 */
export function pricesOf(variants: SaleVariants): Map<string, Money> {
  const prices = new Map<string, Money>();
  for (const [id, sale] of variants) {
    if (sale?.variant?.price !== undefined) prices.set(id, sale.variant.price);
  }
  return prices;
}
