import { randomUUID } from "node:crypto";
import { QUERIES } from "./catalogue.ts";
import type { PlannedRequest } from "./load.ts";
import type { RunningShop } from "./running-shop.ts";

/** A way through the shop that is measured. */
export interface ShopPath {
  readonly name: string;
  /** Whether a request of it may be sent only once. */
  readonly once: boolean;
  /** What it aims at: calls a second, and SQL statements a call. */
  readonly goal: { readonly calls: number; readonly statements: number };
  /** The same of systems that people use today, measured on two cores. */
  readonly today: string;
}

/** The paths, in the order in which they are measured: carts that were filled are ordered afterwards. */
export const SHOP_PATHS: readonly ShopPath[] = [
  path("list", "list of 20", 3_000, 2, "30 (from a search index 300-490), 65 statements"),
  path("detail", "product", 1_500, 1, "150, 21 statements"),
  path("search", "search", 2_500, 3, "10-460, 5 statements"),
  path("cart", "new cart", 1_400, 4, "70, 66 statements", true),
  path("order", "order", 270, 30, "13, 319 statements", true),
];

/** What is known of the catalogue. */
export interface KnownCatalogue {
  readonly productIds: readonly string[];
  readonly variantIds: readonly string[];
  readonly pageTokens: readonly string[];
}

const PRODUCT = "/souk.product.v1.ProductService";
const PAGE_SIZE = 20;
/** How many different requests stand for those that shoppers send again and again. */
const VARIED = 1_000;

/**
 * Reads all pages of the catalogue.
 *
 * @param shop the shop
 */
export async function readCatalogue(shop: RunningShop): Promise<KnownCatalogue> {
  const productIds: string[] = [];
  const variantIds: string[] = [];
  const pageTokens: string[] = [""];
  for (const pageToken of pageTokens) {
    const page = (await post(shop, `${PRODUCT}/ListProducts`, { pageSize: PAGE_SIZE, pageToken })) as {
      products: { id: string; variants: { id: string }[] }[];
      nextPageToken?: string;
    };
    productIds.push(...page.products.map(({ id }) => id));
    variantIds.push(...page.products.flatMap(({ variants }) => variants.map(({ id }) => id)));
    if (page.nextPageToken) pageTokens.push(page.nextPageToken);
  }
  return { productIds, variantIds, pageTokens };
}

/**
 * Calls a method at the gateway.
 *
 * @throws Error when it does not succeed
 */
export async function post({ config }: RunningShop, method: string, body: object): Promise<unknown> {
  const { programs, edge } = config.ports;
  const headers = { "content-type": "application/json" };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  const answer = await fetch(`http://127.0.0.1:${programs["gateway"]}${method}`, init).catch(() =>
    fetch(`http://127.0.0.1:${edge}${method}`, init),
  );
  if (!answer.ok) throw new Error(`${method}: ${await answer.text()}`);
  return answer.json();
}

/** The requests of the paths that shoppers take without signing in. */
export function readingRequests(name: string, { productIds, pageTokens }: KnownCatalogue): PlannedRequest[] {
  return Array.from({ length: VARIED }, () => {
    switch (name) {
      case "list":
        return request(`${PRODUCT}/ListProducts`, { pageSize: PAGE_SIZE, pageToken: any(pageTokens) });
      case "detail":
        return request(`${PRODUCT}/GetProduct`, { id: any(productIds) });
      default:
        return request(`${PRODUCT}/SearchProducts`, { query: any(QUERIES), pageSize: PAGE_SIZE });
    }
  });
}

/** Each customer puts a first thing into the cart. */
export function cartRequests(tokens: readonly string[], { variantIds }: KnownCatalogue): PlannedRequest[] {
  return tokens.map((token) =>
    request(
      "/souk.order.v1.CartService/AddItem",
      { variantId: any(variantIds), quantity: 1 },
      { authorization: `Bearer ${token}` },
    ),
  );
}

/** Each customer orders what is in the cart. */
export function orderRequests(tokens: readonly string[]): PlannedRequest[] {
  const body = {
    shippingAddress: {
      ...{ name: "Ada L", line1: "1 Analytical Way", city: "Berlin" },
      ...{ postalCode: "10115", countryCode: "DE" },
    },
    shippingMethod: "standard",
    payment: { token: "tok_visa" },
  };
  return tokens.map((token) =>
    request("/souk.order.v1.CheckoutService/PlaceOrder", body, {
      authorization: `Bearer ${token}`,
      "idempotency-key": randomUUID(),
    }),
  );
}

function request(path: string, body: object, headers: Record<string, string> = {}): PlannedRequest {
  return { path, body: JSON.stringify(body), headers };
}

function any<T>(values: readonly T[]): T {
  return values[Math.floor(Math.random() * values.length)] as T;
}

function path(
  name: string,
  _title: string,
  calls: number,
  statements: number,
  today: string,
  once = false,
): ShopPath {
  return { name, once, goal: { calls, statements }, today };
}
