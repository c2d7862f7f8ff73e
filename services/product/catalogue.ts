import type { Cache } from "#kit/cache.ts";
import type { CatalogueMemory } from "./catalogue-memory.ts";
import type { ProductDatabase } from "./database.ts";
import type { SearchEngine } from "./search/search-engine.ts";

/** What the catalogue is read with. */
export interface Catalogue {
  readonly db: ProductDatabase;
  readonly memory: CatalogueMemory;
  readonly search: SearchEngine;
  readonly cache: Cache;
  /** How long the sizes of categories are given again, in ms. */
  readonly categoriesMs: number;
}
