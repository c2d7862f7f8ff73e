/**
 * Has inventory know variants as if product had told of them, without stock and without a line of the ledger.
 *
 * @param run sends a statement to inventory's database
 * @param variantIds the variants
 */
export async function makeKnown(
  run: (sql: string, values: unknown[]) => Promise<unknown>,
  ...variantIds: string[]
): Promise<void> {
  await run(
    "insert into stock_level (variant_id, sku) select it, 'SKU' from unnest($1::uuid[]) as it on conflict do nothing",
    [variantIds],
  );
}
