import assert from "node:assert/strict";
import type { DescService } from "@bufbuild/protobuf";
import test from "ava";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { OrderService, OrderStateSchema } from "#gen/souk/order/v1/order_pb.ts";
import { PromotionService } from "#gen/souk/order/v1/promotion_pb.ts";
import { ProductAdminService } from "#gen/souk/product/v1/product_admin_pb.ts";
import { ReviewService, ReviewState } from "#gen/souk/product/v1/review_pb.ts";
import type { Scope } from "#kit/scope.ts";
import { spreadStock } from "../../../deploy/local/demo/locations.ts";
import { STORIES } from "../../../deploy/local/demo/orders.ts";
import { grace, PASSWORD } from "../../../deploy/local/demo/people.ts";
import { noteOf, placeOrders } from "../../../deploy/local/demo/place-orders.ts";
import { REVIEWS, writeReviews } from "../../../deploy/local/demo/reviews.ts";
import { becomeOperator, type Operator } from "../../../deploy/local/operator.ts";
import { priceInDollars } from "../../../deploy/local/price-in-dollars.ts";
import { auth } from "../../../services/auth/service.ts";
import { inventory } from "../../../services/inventory/service.ts";
import { ORDER_STATES, type OrderState as StoredState } from "../../../services/order/order-state.ts";
import { order } from "../../../services/order/service.ts";
import { payment } from "../../../services/payment/service.ts";
import { product } from "../../../services/product/service.ts";
import { eventually } from "../../eventually.ts";
import { startTestMesh, type TestMesh } from "../../mesh.ts";

const STOCK = 50n;
/** An order is in them while something goes on, and only then. */
const PASSING: readonly StoredState[] = ["PENDING", "CANCELLING"];
const INTERRUPTED = new Error("interrupted");

test("demo orders that are interrupted again and again are all there in the end, each once", async (t) => {
  const mesh = await startTestMesh(t, [auth, product, inventory, payment, order]);
  const operator = becomeOperator(
    JSON.parse(mesh.env["OPERATOR_SERVICE_KEY"] as string),
    (service) => `127.0.0.1:${mesh.port(service)}`,
    600_000,
  );
  t.teardown(async () => operator.close());
  await stockShelves(operator.scope);
  const ownOrderId = await orderAsOneself(operator);

  for (let calls = 6; ; calls += 9) {
    try {
      await furnish(interruptedAfter(calls, operator));
      break;
    } catch (error) {
      if (error !== INTERRUPTED) throw error;
    }
  }
  const before = await eventually(async () => {
    const seen = await look(mesh);
    // Product hears of what was sent by events.
    const unverified = seen.reviews.filter(({ verifiedPurchase }) => !verifiedPurchase);
    assert.deepEqual(
      unverified.map(({ title }) => title),
      ["Handsome, if heavy"],
    );
    return seen;
  });
  await furnish(operator);
  t.deepEqual(await look(mesh), before, "what is done is not done again");

  const { locations, levels, reviews } = before;
  // Beside them there are her own, and what is sent instead of something.
  const orders = before.orders.filter(
    ({ id, exchangeOfOrderId }) => id !== ownOrderId && exchangeOfOrderId === "",
  );
  t.is(orders.length, before.orders.length - 2);
  const expected = [...STORIES].flatMap(([{ email }, stories]) => stories.map(() => email));
  t.deepEqual(orders.map(({ email }) => email).toReversed(), expected);
  for (const [person, stories] of STORIES) {
    const own = orders.filter(({ email }) => email === person.email).toReversed();
    for (const [index, { steps }] of stories.entries()) {
      const order = own[index];
      t.true(order !== undefined && steps.every((step) => step.isDone(order)), `${person.email} ${index}`);
      t.true(order?.lines.every(({ note }) => note === noteOf(index)));
    }
  }
  const found = new Set(orders.map(({ state }) => OrderStateSchema.value[state]?.localName));
  for (const state of Object.keys(ORDER_STATES) as StoredState[])
    t.is(found.has(state), !PASSING.includes(state), state);
  t.true(orders.some(({ total }) => total?.currency === "USD"));
  t.deepEqual(
    reviews.map(({ title, state }) => [title, state === ReviewState.PENDING]),
    [...REVIEWS.values()].flat().map(({ title, waits = false }) => [title, waits]),
  );

  t.is(locations.length, 3);
  t.true(levels.every(({ inTransit }) => inTransit === 0n));
  const places = levels.map(({ locations: own }) => own.filter(({ available }) => available > 0n).length);
  t.deepEqual(
    places,
    levels.map(() => 3),
    "some of everything lies at each location",
  );
});

async function furnish({ scope, onBehalfOf }: Pick<Operator, "scope" | "onBehalfOf">): Promise<void> {
  await spreadStock(scope);
  await placeOrders({ staff: scope, onBehalfOf }, STORIES);
  await writeReviews({ staff: scope, onBehalfOf }, REVIEWS);
}

/** What one of those who shop there orders of their own accord, before all that is told of them. */
async function orderAsOneself({ scope, onBehalfOf }: Operator): Promise<string> {
  const { email, address: shippingAddress, ...name } = grace;
  const { tokens } = await scope.mesh(AuthService).register({ email, password: PASSWORD, ...name });
  const { mesh } = onBehalfOf(tokens?.accessToken ?? "");
  const { products } = await scope.mesh(ProductAdminService).listProductsForStaff({ pageSize: 1 });
  const variantId = products[0]?.variants[0]?.id ?? "";
  // Inventory hears of the goods by an event.
  await eventually(async () => {
    const { levels } = await scope.mesh(InventoryService).getStock({ variantIds: [variantId] });
    assert.equal(levels[0]?.available, STOCK);
  });
  await mesh(CartService).addItem({ variantId, quantity: 1n });
  const payment = { token: "tok_visa" };
  const { order: own } = await mesh(CheckoutService).placeOrder(
    { shippingAddress, shippingMethod: "standard", payment },
    { idempotencyKey: "of-her-own" },
  );
  return own?.id ?? "";
}

/** Loses the answer of a call, and makes none after it, as a process does that is killed. */
function interruptedAfter(calls: number, { scope, onBehalfOf }: Operator) {
  let left = calls;
  const count = (own: Scope): Scope => ({
    ...own,
    mesh<S extends DescService>(service: S) {
      const client = own.mesh(service) as Record<string, (...args: unknown[]) => unknown>;
      const counted = Object.entries(client).map(([name, call]) => [
        name,
        async (...args: unknown[]) => {
          if (left <= 0) throw INTERRUPTED;
          const answer = await call(...args);
          if (--left <= 0) throw INTERRUPTED;
          return answer;
        },
      ]);
      return Object.fromEntries(counted);
    },
  });
  return { scope: count(scope), onBehalfOf: (accessToken: string) => count(onBehalfOf(accessToken)) };
}

/** Puts what the stories are about on sale, with the coupons that they use. */
async function stockShelves(scope: Scope): Promise<void> {
  const stories = [...STORIES.values()].flat();
  const skus = new Set(stories.flatMap(({ lines }) => lines.map(([sku]) => sku)));
  const rows = [...skus].map(
    (sku) => `${sku.toLowerCase()},${sku},Title,Default Title,${sku},${STOCK},39.00,true`,
  );
  const head =
    "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price,Published";
  async function* parts() {
    yield { part: { case: "options" as const, value: { currency: "EUR" } } };
    yield { part: { case: "chunk" as const, value: Buffer.from([head, ...rows].join("\n")) } };
  }
  for await (const { part } of scope.mesh(ProductAdminService).importProducts(parts()))
    if (part.case === "problem") throw new Error(part.value.reason);
  await priceInDollars(scope);
  for (const code of new Set(stories.flatMap(({ coupon = [] }) => coupon))) {
    const effect = { case: "percentageOff", value: { ratePpm: 100_000 } } as const;
    await scope
      .mesh(PromotionService)
      .createPromotion({ terms: { displayName: code, couponCodes: [code], effect } });
  }
}

async function look(mesh: TestMesh) {
  const stockroom = mesh.as(InventoryService);
  return {
    ...(await mesh.as(OrderService).listOrders({ pageSize: 100 })),
    ...(await stockroom.listLocations({})),
    ...(await stockroom.listStock({ pageSize: 100 })),
    ...(await stockroom.listTransfers({ pageSize: 100 })),
    ...(await mesh.as(ReviewService).listReviewsForStaff({ pageSize: 100 })),
  };
}
