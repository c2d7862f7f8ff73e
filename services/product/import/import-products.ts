import type { Scope } from "#kit/scope.ts";
import type { CatalogueProblem } from "../catalogue/catalogue-product.ts";
import { readShopifyCsv } from "../catalogue/read-shopify-csv.ts";
import type { ProductDatabase } from "../database.ts";
import { importBatch } from "./import-batch.ts";
import type { ReadProduct } from "./merge-product.ts";

/** How many products one transaction stores. */
const BATCH = 50;

/** A file to import. */
export interface CatalogueFile {
  /** Its bytes, in pieces of any size. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** The currency of its prices, as an ISO 4217 code. */
  readonly currency: string;
  /** How many decimals the amounts of the currency have. */
  readonly minorDigits: number;
}

/** What an import did. */
export interface ImportTotals {
  /** Products that were new. */
  created: number;
  /** Products that were known and were changed. */
  updated: number;
  /** Products stored, those included that needed no change. */
  products: number;
  /** Their variants. */
  variants: number;
  /** Rows left out. */
  problems: number;
}

/** What became of an import so far. */
export type ImportStep =
  | { readonly kind: "progress"; readonly products: number }
  | CatalogueProblem
  | { readonly kind: "result"; readonly totals: ImportTotals };

/**
 * Imports products from a file in Shopify's product format while it is being read: nothing is read
 * on before what was told is taken. A product is known by its handle, so importing a file again
 * changes nothing. Where it ends early, what was told of as progress is stored and the rest is not.
 *
 * @param scope the work; when it is aborted nothing more is stored
 * @returns problems and progress as they come, the result at the end
 * @throws SoukError when the work is aborted
 */
export async function* importProducts(
  db: ProductDatabase,
  scope: Scope,
  { chunks, currency, minorDigits }: CatalogueFile,
): AsyncGenerator<ImportStep, void> {
  const totals: ImportTotals = { created: 0, updated: 0, products: 0, variants: 0, problems: 0 };
  let batch: ReadProduct[] = [];
  let incomplete: string | undefined;

  async function store(): Promise<ImportStep> {
    scope.signal.throwIfAborted();
    const { created, updated } = await importBatch(db, scope, batch, currency);
    totals.created += created;
    totals.updated += updated;
    totals.products += batch.length;
    for (const { product } of batch) totals.variants += product.variants.length;
    batch = [];
    return { kind: "progress", products: totals.products };
  }

  for await (const result of readShopifyCsv(chunks, { minorDigits })) {
    if (result.kind === "problem") {
      totals.problems += 1;
      incomplete = result.handle;
      yield result;
    } else {
      batch.push({ product: result.product, isComplete: incomplete !== result.product.handle });
      if (batch.length === BATCH) yield await store();
    }
  }
  if (batch.length > 0) yield await store();
  yield { kind: "result", totals };
}
