import type { Migrations } from "#kit/data/migrations.ts";
import { products } from "./0001-products.ts";
import { productViews } from "./0002-product-views.ts";
import { search } from "./0003-search.ts";
import { catalogueLock } from "./0004-catalogue-lock.ts";
import { variantPrices } from "./0005-variant-prices.ts";
import { staffLists } from "./0006-staff-lists.ts";
import { largeCatalogues } from "./0007-large-catalogues.ts";
import { lexemes } from "./0008-lexemes.ts";
import { reviews } from "./0009-reviews.ts";
import { forgottenAuthors } from "./0010-forgotten-authors.ts";

export const migrations: Migrations = [
  products,
  productViews,
  search,
  catalogueLock,
  variantPrices,
  staffLists,
  largeCatalogues,
  lexemes,
  reviews,
  forgottenAuthors,
];
