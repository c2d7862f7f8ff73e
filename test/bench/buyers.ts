import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type CallOptions, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { OrderState } from "#gen/souk/order/v1/order_pb.ts";
import type { RunningShop } from "./running-shop.ts";

/** What one customer tried to order, and how that ended. */
export interface Purchase {
  /** The order that the shop confirmed. */
  orderId?: string;
  /** Why the shop refused for good. */
  refusal?: string;
}

/** When a call was made and when it ended, in ms since the process began. */
export interface Attempt {
  readonly startedAt: number;
  readonly endedAt: number;
  /** Whether it was answered with a confirmed order. */
  readonly confirmed: boolean;
  /** Whether it has to be repeated. */
  readonly failed: boolean;
}

/** Customers who come at a steady pace. */
export interface Buyers {
  readonly purchases: readonly Purchase[];
  readonly attempts: readonly Attempt[];
  /** Lets no more come, and waits until it is decided of all what became of their orders. */
  stop(): Promise<void>;
}

const PER_SECOND = 15;
/** So many are in the shop at most; where it is slow, others wait outside. */
const AT_ONCE = 100;
const CALL_MS = 10_000;
/** When a call is repeated that was refused without a word on that, in ms. */
const PAUSE_MS = 500;
/** Whoever knows nothing by then gives up, and counts as lost, in ms. */
const DECIDED_WITHIN_MS = 30_000;

const UNDECIDED: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.Aborted,
  Code.Canceled,
  Code.ResourceExhausted,
  Code.Internal,
  Code.Unknown,
]);
const SHIPPING = {
  shippingAddress: {
    name: "Ada L",
    line1: "1 Analytical Way",
    city: "Berlin",
    postalCode: "10115",
    countryCode: "DE",
  },
  shippingMethod: "standard",
};

/**
 * Sends customers into a shop, who each put something into their cart and order it. They repeat each call under its
 * idempotency key until it is decided, when the shop says that they may.
 *
 * @param shop the shop
 * @param variantIds what they buy
 * @param tokens access tokens, one for each customer
 */
export function sendBuyers(
  { config }: RunningShop,
  variantIds: readonly string[],
  tokens: readonly string[],
): Buyers {
  const baseUrl = `http://127.0.0.1:${config.ports.edge}`;
  const transport = createConnectTransport({ baseUrl, httpVersion: "1.1" });
  const carts = createClient(CartService, transport);
  const checkout = createClient(CheckoutService, transport);
  const purchases: Purchase[] = [];
  const attempts: Attempt[] = [];
  const inside = new Set<Promise<void>>();
  let giveUpAt = Number.POSITIVE_INFINITY;

  /** Repeats a call until it is decided; undefined when it never was. */
  async function insist<R>(
    token: string,
    call: (options: CallOptions) => Promise<R>,
    isOrder: (answer: R) => boolean,
  ): Promise<R | undefined> {
    const headers = { authorization: `Bearer ${token}`, "idempotency-key": randomUUID() };
    for (let pauseMs = 0; performance.now() + pauseMs < giveUpAt; ) {
      await delay(pauseMs);
      const startedAt = performance.now();
      const note = (confirmed: boolean, failed: boolean) =>
        attempts.push({ startedAt, endedAt: performance.now(), confirmed, failed });
      try {
        const answer = await call({ headers, timeoutMs: CALL_MS });
        note(isOrder(answer), false);
        return answer;
      } catch (thrown) {
        const error = ConnectError.from(thrown);
        note(false, UNDECIDED.has(error.code));
        if (!UNDECIDED.has(error.code)) throw error;
        pauseMs = pauseOf(error);
      }
    }
    return undefined;
  }

  async function buy(token: string, variantId: string, purchase: Purchase): Promise<void> {
    const payment = { token: "tok_visa" };
    try {
      const cart = await insist(
        token,
        (options) => carts.addItem({ variantId, quantity: 1n }, options),
        () => false,
      );
      if (cart === undefined) return;
      const answer = await insist(
        token,
        (options) => checkout.placeOrder({ ...SHIPPING, payment }, options),
        ({ order }) => order?.state === OrderState.CONFIRMED,
      );
      const order = answer?.order;
      if (order?.state === OrderState.CONFIRMED) purchase.orderId = order.id;
      else if (order !== undefined) purchase.refusal = `stays in state ${order.state}`;
    } catch (thrown) {
      const error = ConnectError.from(thrown);
      purchase.refusal = error.findDetails(ErrorInfoSchema)[0]?.reason ?? error.message;
    }
  }

  const timer = setInterval(() => {
    const token = tokens[purchases.length];
    if (token === undefined || inside.size >= AT_ONCE) return;
    const purchase: Purchase = {};
    const variantId = variantIds[purchases.length % variantIds.length] as string;
    purchases.push(purchase);
    const bought = buy(token, variantId, purchase).finally(() => inside.delete(bought));
    inside.add(bought);
  }, 1_000 / PER_SECOND);

  return {
    purchases,
    attempts,
    async stop() {
      clearInterval(timer);
      giveUpAt = performance.now() + DECIDED_WITHIN_MS;
      await Promise.all(inside);
    },
  };
}

/** When the shop says that a call may be repeated, in ms, more or less by a quarter, so that not all come at once. */
function pauseOf(error: ConnectError): number {
  const told = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  const pauseMs = told === undefined ? PAUSE_MS : Number(told.seconds) * 1_000 + told.nanos / 1e6;
  return pauseMs * (0.75 + Math.random() / 2);
}
