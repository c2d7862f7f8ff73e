import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestFn } from "ava";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { CheckoutService, type PlaceOrderRequest } from "#gen/souk/order/v1/checkout_pb.ts";
import { type Order, OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { type Payment, PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { SoukError } from "#kit/error.ts";
import type { CallOptions, MeshClient } from "#kit/mesh/client.ts";
import type { SagaMoment } from "#kit/saga/run-saga.ts";
import { auth } from "../../services/auth/service.ts";
import { inventory } from "../../services/inventory/service.ts";
import { order } from "../../services/order/service.ts";
import { payment } from "../../services/payment/service.ts";
import { afterFile } from "../after-file.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import { connectPool } from "./auth-tables.ts";
import { makeKnown } from "./inventory-known.ts";
import { type Catalogue, createCatalogue, productOf } from "./order-product.ts";

/** Where everything is shipped to. */
export const ADDRESS = {
  name: "Ada Lovelace",
  line1: "Mühlenweg 4",
  city: "Kiel",
  postalCode: "24103",
  countryCode: "DE",
};

/** Somebody with an account. */
export interface Customer {
  readonly id: string;
  readonly email: string;
  readonly cart: MeshClient<typeof CartService>;
  readonly checkout: MeshClient<typeof CheckoutService>;
  readonly orders: MeshClient<typeof OrderService>;
  /** Puts a quantity of a variant into the cart. */
  add(variantId: string, quantity?: bigint, note?: string): Promise<void>;
  /** Quantities and notes of the cart's lines, in order. */
  lines(): Promise<[variantId: string, quantity: bigint, note: string][]>;
  /** Orders the cart, with standard shipping and a good card unless told otherwise. */
  place(request?: PlaceOptions, options?: CallOptions): Promise<Order>;
}

/** How an order differs from the usual. */
export type PlaceOptions = { token?: string } & Partial<
  Pick<PlaceOrderRequest, "shippingMethod" | "expectedTotal">
>;

/** The order service with its real neighbours, but for product. */
export interface TestShop {
  readonly mesh: TestMesh;
  readonly catalogue: Catalogue;
  /** What happens at each moment of each saga; nothing unless a test sets it. */
  observe: (moment: SagaMoment) => Promise<void> | void;
  customer(): Promise<Customer>;
  /** Puts a new variant on sale, with some of it in stock, and gives its id. */
  offer(minor: bigint, stock?: number): Promise<string>;
  /** What is available and reserved of a variant. */
  stock(variantId: string): Promise<[available: number, reserved: number]>;
  payment(id: string): Promise<Payment>;
}

/**
 * Starts a shop for the tests of one file and stops it after them.
 *
 * @param test of the file
 * @param env settings that differ from the usual
 */
export function shopOf(test: TestFn, env: Readonly<Record<string, string>> = {}): () => TestShop {
  const file = afterFile(test);
  let shop: TestShop | undefined;
  test.before(async () => {
    shop = await openShop(file, env);
  });
  return () => shop as TestShop;
}

/** Where taxes come on top: 19 % in Germany. */
const NET = {
  homeCountry: "DE",
  pricesIncludeTax: false,
  rounding: "line",
  places: { DE: { name: "VAT", basisPoints: { standard: 1_900 } } },
};

/**
 * Starts a shop for the tests of one file in which taxes come on top of prices, and stops it after them.
 *
 * @param test of the file
 */
export function netShopOf(test: TestFn): () => TestShop {
  const folder = mkdtempSync(join(tmpdir(), "souk-net-prices-"));
  const ORDER_TAX_FILE = join(folder, "taxes.json");
  writeFileSync(ORDER_TAX_FILE, JSON.stringify(NET));
  test.after.always(() => rmSync(folder, { recursive: true }));
  return shopOf(test, { ORDER_TAX_FILE });
}

async function openShop(
  t: Parameters<typeof startTestMesh>[0],
  env: Readonly<Record<string, string>>,
): Promise<TestShop> {
  const catalogue = createCatalogue();
  const mesh = await startTestMesh(t, [auth, inventory, payment, order, productOf(catalogue)], {
    env,
    observeSagas: (moment) => shop.observe(moment),
  });
  const stockroom = mesh.as(InventoryService);
  const inventoryTables = connectPool(t, mesh.env["INVENTORY_DATABASE_URL"] as string);
  const shop: TestShop = {
    mesh,
    catalogue,
    observe: () => {},
    customer: () => register(mesh),
    async offer(minor, stock = 1_000) {
      const variantId = catalogue.offer(minor);
      await makeKnown(inventoryTables, variantId);
      if (stock > 0) {
        const delivery = { variantId, delta: BigInt(stock), reason: "delivery" };
        await stockroom.adjustStock(delivery, { idempotencyKey: variantId });
      }
      return variantId;
    },
    async stock(variantId) {
      const { levels } = await stockroom.getStock({ variantIds: [variantId] });
      return [Number(levels[0]?.available), Number(levels[0]?.reserved)];
    },
    async payment(id) {
      return (await mesh.as(PaymentService).getPayment({ id })).payment as Payment;
    },
  };
  return shop;
}

async function register(mesh: TestMesh): Promise<Customer> {
  const email = `${randomBytes(8).toString("hex")}@example.com`;
  const account = { email, password: "correct horse battery", firstName: "Ada", lastName: "Lovelace" };
  const { user, tokens } = await mesh.withToken(AuthService, "").register(account);
  const accessToken = tokens?.accessToken ?? "";
  const cart = mesh.withToken(CartService, accessToken);
  const checkout = mesh.withToken(CheckoutService, accessToken);
  return {
    id: user?.id ?? "",
    email,
    cart,
    checkout,
    orders: mesh.withToken(OrderService, accessToken),
    async add(variantId, quantity = 1n, note = "") {
      await cart.addItem({ variantId, quantity, note });
    },
    async lines() {
      const { lines = [] } = (await cart.getCart({})).cart ?? {};
      return lines.map(({ variantId, quantity, note }) => [variantId, quantity, note]);
    },
    async place({ token = "tok_visa", shippingMethod = "standard", expectedTotal } = {}, options = {}) {
      const { order } = await checkout.placeOrder(
        { shippingAddress: ADDRESS, shippingMethod, payment: { token }, expectedTotal },
        { idempotencyKey: randomBytes(12).toString("hex"), ...options },
      );
      return order as Order;
    },
  };
}

/**
 * The refusal that something ends with.
 *
 * @throws Error when it succeeds
 */
export async function refusal(work: Promise<unknown>): Promise<SoukError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof SoukError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}
