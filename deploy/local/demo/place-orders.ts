import { setTimeout as pause } from "node:timers/promises";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { type Order, OrderService, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { SoukError } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import { findVariant } from "./find-variant.ts";
import type { OrderStory } from "./orders.ts";
import { PASSWORD, type Person } from "./people.ts";

/** How those call who look after orders. */
export interface Desk {
  /** As staff. */
  readonly staff: Scope;
  /** As who holds an access token. */
  onBehalfOf(accessToken: string): Scope;
}

/** How often an order that is still being placed for a caller who is gone is looked at, in ms. */
const LOOK_MS = 200;

/**
 * Has people order, and what they ordered sent and sent back. How far each order is, the shop itself says: what was
 * interrupted goes on where it was, and what is done is done once.
 *
 * @param desk how to call
 * @param stories what everybody orders and what becomes of it
 * @returns how many orders there are
 */
export async function placeOrders(
  desk: Desk,
  stories: ReadonlyMap<Person, readonly OrderStory[]>,
): Promise<number> {
  let placed = 0;
  for (const [person, own] of stories) {
    let signedIn: Promise<Scope> | undefined;
    const signInOnce = () => {
      signedIn ??= signIn(desk, person);
      return signedIn;
    };
    for (const [index, story] of own.entries()) {
      const known = await findOrder(desk, person, index);
      const order = known ?? (await place(desk, await signInOnce(), person, story, index));
      await follow(desk, signInOnce, order.id, story);
      placed++;
    }
  }
  return placed;
}

/**
 * What is written to the lines of a story's order, so that it is known among what its customer orders beside it.
 *
 * @param index which of its customer's stories it is, from 0
 */
export function noteOf(index: number): string {
  return `Demo order ${index + 1}`;
}

async function findOrder({ staff }: Desk, { email }: Person, index: number): Promise<Order | undefined> {
  const { orders } = await staff.mesh(OrderService).listOrders({ query: email, pageSize: 100 });
  return orders.find(({ lines }) => lines.some(({ note }) => note === noteOf(index)));
}

/**
 * Signs somebody in, who is registered where that was not done yet.
 *
 * @param desk how to call
 * @returns calls as the person
 */
export async function signIn(
  { staff, onBehalfOf }: Desk,
  { email, firstName, lastName }: Person,
): Promise<Scope> {
  const auth = staff.mesh(AuthService);
  const { tokens } = await auth
    .register({ email, password: PASSWORD, firstName, lastName })
    .catch((error: unknown) => {
      if (error instanceof SoukError && error.reason === "EMAIL_TAKEN")
        return auth.login({ email, password: PASSWORD });
      throw error;
    });
  return onBehalfOf(tokens?.accessToken ?? "");
}

/** Where the payment provider sends browsers back to; one of those that order allows unless told otherwise. */
const RETURN_URI = "http://localhost:8080/";

/** Fills the cart, with which nothing else is in it, and orders. */
async function place(
  desk: Desk,
  { mesh }: Scope,
  person: Person,
  { lines, currency = "", coupon, shippingMethod = "standard", token = "tok_visa", refusal }: OrderStory,
  index: number,
): Promise<Order> {
  const cart = mesh(CartService);
  await cart.clearCart({});
  for (const [sku, quantity] of lines) {
    const { variantId } = await findVariant(desk.staff, sku);
    await cart.addItem({ variantId, quantity: BigInt(quantity), currency, note: noteOf(index) });
  }
  if (coupon !== undefined) await cart.applyCoupon({ code: coupon });
  const request = {
    shippingAddress: person.address,
    shippingMethod,
    payment: { token },
    returnUri: RETURN_URI,
  };
  const idempotencyKey = `demo-${person.email}-${index}`;
  try {
    await mesh(CheckoutService).placeOrder(request, { idempotencyKey });
  } catch (error) {
    if (refusal === undefined || !(error instanceof SoukError) || error.reason !== refusal) throw error;
  }
  const order = await findOrder(desk, person, index);
  if (order === undefined) throw new Error(`order ${index + 1} of ${person.email} is not among the orders`);
  return order;
}

async function follow(
  desk: Desk,
  signInOnce: () => Promise<Scope>,
  id: string,
  { steps }: OrderStory,
): Promise<void> {
  const orders = desk.staff.mesh(OrderService);
  const read = async () => (await orders.getOrderForStaff({ id })).order as Order;
  const counter = {
    staff: orders,
    customer: async () => (await signInOnce()).mesh(OrderService),
    variantOf: async (sku: string) => (await findVariant(desk.staff, sku)).variantId,
  };
  while ((await read()).state === OrderState.PENDING) await pause(LOOK_MS);
  for (const [index, step] of steps.entries()) {
    const order = await read();
    if (!step.isDone(order)) await step.take(counter, order, `demo-${id}-${index}`);
  }
}
