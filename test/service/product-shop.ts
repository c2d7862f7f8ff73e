import { pino } from "pino";
import { openDatabase } from "#kit/data/database.ts";
import { SoukError } from "#kit/error.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import type { Scope } from "#kit/scope.ts";
import type {
  CatalogueProduct,
  CatalogueVariant,
} from "../../services/product/catalogue/catalogue-product.ts";
import type { ProductDatabase } from "../../services/product/database.ts";
import { entities } from "../../services/product/entities.ts";
import { getProduct } from "../../services/product/get-product.ts";
import { type BatchResult, importBatch } from "../../services/product/import/import-batch.ts";
import { listProducts } from "../../services/product/list-products.ts";
import { migrations } from "../../services/product/migrations/index.ts";
import { postgresSearch } from "../../services/product/search/postgres-search.ts";
import { searchProducts } from "../../services/product/search-products.ts";
import { createMigratedDatabase } from "../migrated-database.ts";
import type { Teardown } from "../stores.ts";

/** What may be said of a product; the rest is made up. */
export type ProductDraft = Partial<Omit<CatalogueProduct, "variants">> & {
  readonly variants?: readonly Partial<CatalogueVariant>[];
  /** False where rows of it were left out. */
  readonly isComplete?: boolean;
};

/** A database of product's that no other test knows. */
export interface Shop {
  readonly url: string;
  readonly db: ProductDatabase;
  scope(): Scope;
  /** Imports products by handle, in one batch. */
  import(products: Readonly<Record<string, ProductDraft>>): Promise<BatchResult>;
  get(slug: string): ReturnType<typeof getProduct>;
  list(request?: {
    categorySlug?: string;
    pageSize?: number;
    pageToken?: string;
  }): ReturnType<typeof listProducts>;
  search(query: string, page?: { pageSize?: number; pageToken?: string }): ReturnType<typeof searchProducts>;
  /** The titles of what is found, in order. */
  titles(query: string): Promise<string[]>;
  /** How many statements were sent while something was done. */
  countStatements(work: () => Promise<unknown>): Promise<number>;
}

/** Opens a shop. */
export async function openShop(t: Teardown): Promise<Shop> {
  const { url } = await createMigratedDatabase(t, migrations);
  const log = pino({ level: "silent" });
  const db = openDatabase({ url, entities, migrations, poolSize: 8, applicationName: "product-test", log });
  t.teardown(() => db.close());
  const scopes = rootScopes(log, () => {
    throw new Error("product calls no other service");
  });
  const scope = () => scopes({ timeoutMs: 30_000 });
  const engine = postgresSearch(db);
  const shop: Shop = {
    url,
    db,
    scope,
    import(drafts) {
      const batch = Object.entries(drafts).map(([handle, { isComplete = true, ...draft }]) => ({
        product: makeProduct(handle, draft),
        isComplete,
      }));
      return importBatch(db, scope(), batch, "EUR");
    },
    get: (slug) => getProduct(db, { case: "slug", value: slug }),
    list: ({ categorySlug = "", pageSize = 0, pageToken = "" } = {}) =>
      listProducts(db, { categorySlug, pageSize, pageToken }),
    search: (query, { pageSize = 0, pageToken = "" } = {}) =>
      searchProducts(engine, { query, pageSize, pageToken }),
    titles: async (query) => (await shop.search(query)).products.map(({ title }) => title),
    async countStatements(work) {
      const before = db.pool.statements();
      await work();
      return db.pool.statements() - before;
    },
  };
  return shop;
}

/** The product as a file would describe it. */
export function makeProduct(handle: string, draft: ProductDraft = {}): CatalogueProduct {
  const { variants = [{}], ...rest } = draft;
  return {
    handle,
    title: handle.replaceAll("-", " "),
    descriptionHtml: "<p>Made to last.</p>",
    vendor: "Lumen",
    type: "Things",
    tags: [],
    published: true,
    options: [],
    images: [{ src: `/images/${handle}.svg`, alt: handle }],
    ...rest,
    variants: variants.map((variant, at) => ({
      sku: `${handle}-${at}`,
      optionValues: [],
      grams: 100,
      quantity: 3,
      priceMinor: 4900n,
      line: at + 2,
      ...variant,
    })),
  };
}

/** The reason with which something is refused, or "done". */
export async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    if (error instanceof SoukError && error.reason !== "") return error.reason;
    throw error;
  }
}
