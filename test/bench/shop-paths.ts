import { randomUUID } from "node:crypto";
import { QUERIES, SKU } from "./catalogue.ts";
import type { PlannedRequest } from "./load.ts";
import type { RunningShop } from "./running-shop.ts";

/** A path through the shop that is measured. */
export interface ShopPath {
  readonly name: string;
  /** Whether a request of it may be sent only once. */
  readonly once: boolean;
  /** What it aims at: calls a second on two cores, and SQL statements a call. */
  readonly goal: { readonly calls: number; readonly statements: number };
  /** What systems that people use today reached on two cores, in the same words. */
  readonly today: { readonly calls: string; readonly statements: number };
  /** The requests, for customers with these tokens. */
  plan(catalogue: KnownCatalogue, tokens: readonly string[]): PlannedRequest[];
}

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

/** Adds a first thing to the cart of each customer. */
export const CART: ShopPath = {
  name: "add to a new cart",
  once: true,
  goal: { calls: 1_400, statements: 4 },
  today: { calls: "70", statements: 66 },
  plan: ({ variantIds }, tokens) =>
    tokens.map((token) =>
      request(
        "/souk.order.v1.CartService/AddItem",
        { variantId: any(variantIds), quantity: 1 },
        { authorization: `Bearer ${token}` },
      ),
    ),
};

/** Orders what is in the cart of each customer. */
const ORDER: ShopPath = {
  name: "place an order",
  once: true,
  goal: { calls: 270, statements: 22 },
  today: { calls: "13", statements: 319 },
  plan: (_, tokens) =>
    tokens.map((token) =>
      request("/souk.order.v1.CheckoutService/PlaceOrder", ORDER_BODY, {
        authorization: `Bearer ${token}`,
        "idempotency-key": randomUUID(),
      }),
    ),
};

const ORDER_BODY = {
  shippingAddress: {
    name: "Ada L",
    line1: "1 Analytical Way",
    city: "Berlin",
    postalCode: "10115",
    countryCode: "DE",
  },
  shippingMethod: "standard",
  payment: { token: "tok_visa" },
};

/** The paths in the order in which they are measured: who filled a cart orders it afterwards. */
export const SHOP_PATHS: readonly ShopPath[] = [
  {
    name: "list 20 products",
    once: false,
    goal: { calls: 3_000, statements: 2 },
    today: { calls: "30, from a search index 300 to 490", statements: 65 },
    plan: ({ pageTokens }) =>
      several(() => request(`${PRODUCT}/ListProducts`, { pageSize: PAGE_SIZE, pageToken: any(pageTokens) })),
  },
  {
    name: "show a product",
    once: false,
    goal: { calls: 1_500, statements: 1 },
    today: { calls: "150", statements: 21 },
    plan: ({ productIds }) => several(() => request(`${PRODUCT}/GetProduct`, { id: any(productIds) })),
  },
  {
    name: "search by words",
    once: false,
    goal: { calls: 2_500, statements: 3 },
    today: { calls: "10 to 460", statements: 5 },
    plan: () =>
      several(() => request(`${PRODUCT}/SearchProducts`, { query: any(QUERIES), pageSize: PAGE_SIZE })),
  },
  CART,
  ORDER,
];

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
    const page = (await callShop(shop, `${PRODUCT}/ListProducts`, { pageSize: PAGE_SIZE, pageToken })) as {
      products: { id: string; variants: { id: string; sku: string }[] }[];
      nextPageToken?: string;
    };
    productIds.push(...page.products.map(({ id }) => id));
    const variants = page.products.flatMap((product) => product.variants);
    variantIds.push(...variants.filter(({ sku }) => SKU.test(sku)).map(({ id }) => id));
    if (page.nextPageToken) pageTokens.push(page.nextPageToken);
  }
  return { productIds, variantIds, pageTokens };
}

/**
 * Calls a method of a shop, as a browser does.
 *
 * @param token the access token of who calls; nobody's when left out
 * @throws Error when it does not succeed
 */
export async function callShop(
  { config }: RunningShop,
  method: string,
  body: object,
  token?: string,
): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${config.ports.edge}${method}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method}: ${await answer.text()}`);
  return answer.json();
}

function several(make: () => PlannedRequest): PlannedRequest[] {
  return Array.from({ length: VARIED }, make);
}

function request(path: string, body: object, headers: Record<string, string> = {}): PlannedRequest {
  return { path, body: JSON.stringify(body), headers };
}

function any<T>(values: readonly T[]): T {
  return values[Math.floor(Math.random() * values.length)] as T;
}
