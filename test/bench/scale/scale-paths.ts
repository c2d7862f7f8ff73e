import { randomUUID } from "node:crypto";
import { encodePageToken } from "#kit/data/page-token.ts";
import { makeUpProduct, QUERIES, THINGS } from "../catalogue.ts";
import type { PlannedRequest } from "../load.ts";
import type { RunningShop } from "../running-shop.ts";
import { callShop } from "../shop-paths.ts";
import {
  customerId,
  type GeneratedShop,
  isPublished,
  orderId,
  orderTime,
  productId,
  variantId,
} from "./size.ts";

/** Who calls a shop that is measured. */
export interface Callers {
  /** Access tokens of customers by their number. */
  readonly customers: ReadonlyMap<number, string>;
  /** The access token of an administrator. */
  readonly staff: string;
}

/** What is known of a shop that is measured. */
export interface Scene extends Callers {
  readonly shop: GeneratedShop;
  /** Tokens of pages of their orders, by the customers who order again and again. */
  readonly orderPages: ReadonlyMap<number, readonly string[]>;
}

/** Something that is called in a small shop and in a large one. */
export interface ScalePath {
  readonly name: string;
  /** Whether a request of it may be sent only once. */
  readonly once?: boolean;
  plan(scene: Scene): PlannedRequest[];
}

/** How many different requests a path has. */
const VARIED = 1_000;
const PAGE_SIZE = 20;
/** As much as a category of a small shop has, so that pages are full in both. */
const CATEGORY_PAGE_SIZE = 10;
/** So many products have at least as many of each category among them that are on sale. */
const WITH_A_CATEGORY_PAGE = 300;
/** So many of the callers order again and again. */
const ORDER_OFTEN = 5;
const ORDERS_A_PAGE = 10;
const LIST_MY_ORDERS = "souk.order.v1.OrderService/ListMyOrders";
const DAY_MS = 86_400_000;
const CATEGORY = `${THINGS[0]}s`;
const ADDRESS = {
  shippingAddress: {
    name: "Ada L",
    line1: "1 Analytical Way",
    city: "Berlin",
    postalCode: "10115",
    countryCode: "DE",
  },
};
const ORDER = { ...ADDRESS, shippingMethod: "standard", payment: { token: "tok_visa" } };

/** The paths in the order in which they are measured: who put something into the cart orders it afterwards. */
export const SCALE_PATHS: readonly ScalePath[] = [
  ofCustomers("get the cart", "souk.order.v1.CartService/GetCart", () => ({})),
  ofCustomers("add an item", "souk.order.v1.CartService/AddItem", ({ shop }, customer) => ({
    variantId: variantId(shop, onSale(Math.floor(((customer * 104_729) % shop.variants) / 3)) * 3),
    quantity: 1,
  })),
  ofCustomers("quote", "souk.order.v1.CheckoutService/GetQuote", () => ADDRESS),
  {
    ...ofCustomers("place an order", "souk.order.v1.CheckoutService/PlaceOrder", () => ORDER),
    once: true,
  },
  ofAnybody("list products", "souk.product.v1.ProductService/ListProducts", () => ({ pageSize: PAGE_SIZE })),
  ofAnybody("list products, deep", "souk.product.v1.ProductService/ListProducts", ({ shop }) => ({
    pageSize: PAGE_SIZE,
    ...behind(shop, below(shop.products - 2 * PAGE_SIZE) + 2 * PAGE_SIZE, ""),
  })),
  ofAnybody("list a category, deep", "souk.product.v1.ProductService/ListProducts", ({ shop }) => ({
    pageSize: CATEGORY_PAGE_SIZE,
    ...behind(shop, below(shop.products - WITH_A_CATEGORY_PAGE) + WITH_A_CATEGORY_PAGE, `${anyOf(THINGS)}s`),
  })),
  ofAnybody("list categories", "souk.product.v1.ProductService/ListCategories", () => ({})),
  ofAnybody("search: words of titles", "souk.product.v1.ProductService/SearchProducts", () => ({
    query: anyOf(QUERIES),
    pageSize: PAGE_SIZE,
  })),
  ofAnybody("search: words of all", "souk.product.v1.ProductService/SearchProducts", () => ({
    query: anyOf(COMMON),
    pageSize: PAGE_SIZE,
  })),
  ofAnybody("search: a whole title", "souk.product.v1.ProductService/SearchProducts", ({ shop }) => ({
    query: makeUpProduct(onSale(below(shop.products))).title,
    pageSize: PAGE_SIZE,
  })),
  ofAnybody("show a product", "souk.product.v1.ProductService/GetProduct", ({ shop }) => ({
    id: productId(shop, onSale(below(shop.products))),
  })),
  ofAnybody("stock of 20 variants", "souk.inventory.v1.InventoryService/GetStock", ({ shop }) => ({
    variantIds: Array.from({ length: 20 }, () => variantId(shop, below(shop.variants))),
  })),
  {
    name: "my orders, deep",
    plan: ({ customers, orderPages }) =>
      several((index) => {
        const customer = index % ORDER_OFTEN;
        const pageToken = index % 2 === 0 ? "" : anyOf(orderPages.get(customer) ?? []);
        return request(LIST_MY_ORDERS, { pageSize: ORDERS_A_PAGE, pageToken }, customers.get(customer));
      }),
  },
  ofCustomers("my notifications", "souk.notification.v1.NotificationService/ListMyNotifications", () => ({
    pageSize: PAGE_SIZE,
  })),
  ofStaff("staff: orders", "souk.order.v1.OrderService/ListOrders", ({ shop }) => [
    {},
    { states: ["ORDER_STATE_CANCELLED"] },
    { states: ["ORDER_STATE_AWAITING_PAYMENT", "ORDER_STATE_RETURNED"] },
    { customerId: customerId(shop, below(shop.customers)) },
    { query: `${anyOf(["ada", "grace", "kurt"])}.` },
    { query: `radia.nobody${below(shop.orders)}` },
    { query: "Sophie" },
    dayOf(shop),
    { ...dayOf(shop), states: ["ORDER_STATE_CANCELLED"] },
  ]),
  ofStaff("staff: payments", "souk.payment.v1.PaymentService/ListPayments", ({ shop }) => [
    {},
    { state: "PAYMENT_STATE_VOIDED" },
    { state: "PAYMENT_STATE_DECLINED" },
    { accountId: customerId(shop, below(shop.customers)) },
    { accountId: customerId(shop, 0), state: "PAYMENT_STATE_CAPTURED" },
    dayOf(shop),
  ]),
  ofStaff("staff: accounts", "souk.auth.v1.AccessService/ListAccounts", ({ shop }) => [
    {},
    { role: "support" },
    { role: "finance" },
    { role: "customer" },
    { email: anyOf(["ada", "grace", "kurt"]) },
    { email: `radia.nobody${below(shop.orders)}` },
  ]),
  ofStaff("staff: audit", "souk.auth.v1.AccessService/ListAuditRecords", ({ shop }) => [
    {},
    { accountId: customerId(shop, below(shop.customers)) },
    { objectId: orderId(shop, below(shop.orders)) },
    { method: "souk.payment.v1.PaymentService/ListPayments" },
    { method: "souk.payment.v1.PaymentService/GetPayment" },
    { result: "AUDIT_RESULT_DENIED" },
    { result: "AUDIT_RESULT_FAILED" },
    dayOf(shop),
    { ...dayOf(shop), result: "AUDIT_RESULT_DENIED" },
  ]),
  ofStaff("staff: products", "souk.product.v1.ProductAdminService/ListProductsForStaff", ({ shop }) => [
    {},
    { state: "PRODUCT_STATE_DRAFT" },
    { categorySlug: CATEGORY },
    { query: "amber" },
    { query: `B${below(shop.products)}-1` },
    { query: "no such thing" },
    { state: "PRODUCT_STATE_ARCHIVED", query: "b" },
  ]),
  ofStaff("staff: stock movements", "souk.inventory.v1.InventoryService/ListMovements", ({ shop }) => [
    {},
    { variantId: variantId(shop, below(shop.variants)) },
    { referenceId: orderId(shop, below(shop.orders)) },
    { kind: "MOVEMENT_KIND_ADJUSTMENT" },
    { kind: "MOVEMENT_KIND_RELEASE" },
    { kind: "MOVEMENT_KIND_TRANSFER_OUT" },
    { locationId: "01900000-0000-7000-8000-000000000002" },
    { locationId: "01900000-0000-7000-8000-000000000002", kind: "MOVEMENT_KIND_RETURN" },
  ]),
  ofStaff("staff: stock", "souk.inventory.v1.InventoryService/ListStock", () => [
    {},
    { low: true },
    { locationId: "01900000-0000-7000-8000-000000000002" },
    { locationId: "01900000-0000-7000-8000-000000000002", low: true },
  ]),
  ofStaff("staff: ledger accounts", "souk.payment.v1.LedgerService/ListLedgerAccounts", ({ shop }) => [
    {},
    { atTime: new Date(orderTime(shop, below(shop.orders))).toISOString() },
  ]),
  ofStaff("staff: ledger entries", "souk.payment.v1.LedgerService/ListLedgerEntries", ({ shop }) => [
    {},
    { paymentId: orderId(shop, below(shop.orders)) },
    { accountCode: "sales" },
    { accountCode: "gift-cards" },
    dayOf(shop),
  ]),
];

/** They stand in every description, alone or with a word of many. */
const COMMON = [
  "hand",
  "easy mend",
  "small numbers",
  "hand lamp",
  "made oak",
  "ages well",
  "ma",
  "stands alone",
];

/**
 * Reads what must be known of a shop before it is measured.
 *
 * @param running the shop
 * @param shop what it holds
 * @param callers who calls
 */
export async function setScene(running: RunningShop, shop: GeneratedShop, callers: Callers): Promise<Scene> {
  const orderPages = new Map<number, string[]>();
  for (let customer = 0; customer < ORDER_OFTEN; customer++) {
    const token = callers.customers.get(customer);
    orderPages.set(customer, await pagesOf(running, LIST_MY_ORDERS, { pageSize: ORDERS_A_PAGE }, token));
  }
  return { ...callers, shop, orderPages };
}

/** The tokens of all pages of a list but the first. */
async function pagesOf(
  running: RunningShop,
  method: string,
  body: object,
  token?: string,
): Promise<string[]> {
  const found: string[] = [];
  for (let pageToken: string | undefined = ""; pageToken !== undefined; ) {
    const page = (await callShop(running, `/${method}`, { pageSize: 100, ...body, pageToken }, token)) as {
      nextPageToken?: string;
    };
    pageToken = page.nextPageToken || undefined;
    if (pageToken !== undefined) found.push(pageToken);
  }
  return found;
}

/**
 * The customers who call, spread over all; those who order again and again are among them.
 *
 * @param shop the shop
 */
export function callersOf({ customers }: GeneratedShop): number[] {
  const some = Math.min(VARIED, customers);
  return Array.from({ length: some }, (_, index) =>
    index < ORDER_OFTEN ? index : Math.floor((index * customers) / some),
  );
}

function ofCustomers(
  name: string,
  method: string,
  body: (scene: Scene, customer: number) => object,
): ScalePath {
  return {
    name,
    plan: (scene) =>
      [...scene.customers].map(([customer, token]) => request(method, body(scene, customer), token)),
  };
}

function ofAnybody(name: string, method: string, body: (scene: Scene) => object): ScalePath {
  return { name, plan: (scene) => several(() => request(method, body(scene))) };
}

/** All ways of asking in turn. */
function ofStaff(name: string, method: string, bodies: (scene: Scene) => object[]): ScalePath {
  return {
    name,
    plan: (scene) =>
      several((index) => {
        const all = bodies(scene);
        return request(method, { ...all[index % all.length] }, scene.staff);
      }),
  };
}

/** The page of a list of products behind one. Hardly two are the same, so that callers do not share an answer. */
function behind(shop: GeneratedShop, product: number, categorySlug: string) {
  const pageToken = encodePageToken(`ListProducts ${categorySlug}`, [productId(shop, product)]);
  return { categorySlug, pageToken };
}

function dayOf(shop: GeneratedShop) {
  const start = orderTime(shop, below(Math.floor(shop.orders * 0.9)));
  return { startTime: new Date(start).toISOString(), endTime: new Date(start + DAY_MS).toISOString() };
}

function several(make: (index: number) => PlannedRequest): PlannedRequest[] {
  return Array.from({ length: VARIED }, (_, index) => make(index));
}

function request(method: string, body: object, token?: string): PlannedRequest {
  return {
    path: `/${method}`,
    body: JSON.stringify(body),
    headers: token === undefined ? {} : { authorization: `Bearer ${token}`, "idempotency-key": randomUUID() },
  };
}

/** That product, or one beside it that is on sale. */
function onSale(product: number): number {
  return isPublished(product) ? product : product - 1;
}

function anyOf<T>(items: readonly T[]): T {
  return items[below(items.length)] as T;
}

function below(limit: number): number {
  return Math.floor(Math.random() * limit);
}
