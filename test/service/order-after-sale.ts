import { randomUUID } from "node:crypto";
import { type Order, OrderService } from "#gen/souk/order/v1/order_pb.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import type { Customer, TestShop } from "./order-shop.ts";

/** What a test needs to see what becomes of an order. */
export interface AfterSale {
  readonly staff: MeshClient<typeof OrderService>;
  /** A customer's order of some pieces each of some new variants, all at one price. */
  order(quantities: readonly bigint[], minor?: bigint): Promise<Placed>;
  /** The same, all of it sent. */
  sent(quantities: readonly bigint[], minor?: bigint): Promise<Placed>;
}

/** An order with who placed it. */
export interface Placed {
  readonly ada: Customer;
  readonly order: Order;
  readonly variants: readonly string[];
}

/** An idempotency key that was not used before. */
export const once = () => ({ idempotencyKey: randomUUID() });

/**
 * Makes orders of a shop for tests of what becomes of them. What is offered is 10 times in stock.
 *
 * @param shop the shop
 */
export function afterSaleOf(shop: TestShop): AfterSale {
  const staff = shop.mesh.as(OrderService);
  const after: AfterSale = {
    staff,
    async order(quantities, minor = 2_500n) {
      const ada = await shop.customer();
      const variants: string[] = [];
      for (const quantity of quantities) {
        const variant = await shop.offer(minor, 10);
        variants.push(variant);
        await ada.add(variant, quantity);
      }
      return { ada, variants, order: await ada.place() };
    },
    async sent(quantities, minor) {
      const placed = await after.order(quantities, minor);
      const { order } = await staff.shipOrder({ orderId: placed.order.id }, once());
      return { ...placed, order: order as Order };
    },
  };
  return after;
}
