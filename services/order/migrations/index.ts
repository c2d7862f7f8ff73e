import type { Migrations } from "#kit/data/migrations.ts";
import { createCart } from "./0001-create-cart.ts";
import { createOrder } from "./0002-create-order.ts";

/** How order's schema came to be. */
export const migrations: Migrations = [createCart, createOrder];
