import type { Migrations } from "#kit/data/migrations.ts";
import { products } from "./0001-products.ts";
import { productViews } from "./0002-product-views.ts";
import { search } from "./0003-search.ts";

export const migrations: Migrations = [products, productViews, search];
