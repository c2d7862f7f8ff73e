import type { CatalogueResult } from "./catalogue-product.ts";
import { findColumns } from "./columns.ts";
import { csvRows } from "./csv-rows.ts";
import { type ProductRows, productRows } from "./product-rows.ts";

/**
 * Reads products from a product export of Shopify, row by row, in memory that does not grow with the file but
 * for at most 64 bytes per variant and per product, by which a repeated SKU or handle is found.
 *
 * What cannot be used is told as a problem, and the rest is read. Where the file as a whole is at fault (a
 * wrong header, bytes that are not UTF-8, quotes that do not balance) the problem is the last result, and the
 * product whose rows were being read then is left out.
 *
 * @param chunks the bytes of the file, cut anywhere; an error of this source passes through
 * @param minorDigits the decimals of the currency the prices are in, by ISO 4217: 2 for EUR, 0 for JPY
 * @returns products and problems, in the order of the file
 */
export async function* readShopifyCsv(
  chunks: AsyncIterable<Uint8Array>,
  { minorDigits }: { minorDigits: number },
): AsyncGenerator<CatalogueResult, void, undefined> {
  let products: ProductRows | undefined;
  let hasRows = false;

  for await (const { rows, fault } of csvRows(chunks)) {
    for (const row of rows) {
      if (products === undefined) {
        const columns = findColumns(row.cells);
        if ("reason" in columns) {
          yield { kind: "problem", line: row.line, reason: columns.reason };
          return;
        }
        products = productRows(columns, minorDigits);
      } else {
        hasRows = true;
        yield* products.add(row);
      }
    }
    if (fault !== undefined) {
      const handle = products?.openHandle();
      yield {
        kind: "problem",
        line: fault.line,
        ...(handle && { handle }),
        reason: `${fault.reason} Reading ends here.`,
      };
      return;
    }
  }

  if (products !== undefined) yield* products.end();
  if (!hasRows) yield { kind: "problem", line: 1, reason: "The file holds no products." };
}
