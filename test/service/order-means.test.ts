import { randomUUID } from "node:crypto";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { BadRequestSchema } from "#gen/google/rpc/error_details_pb.ts";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { MeansKind } from "#gen/souk/order/v1/means_pb.ts";
import { type Order, OrderService, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { GiftCardService } from "#gen/souk/payment/v1/gift_card_pb.ts";
import { PaymentPartKind, PaymentState } from "#gen/souk/payment/v1/payment_pb.ts";
import { StoreCreditService } from "#gen/souk/payment/v1/store_credit_pb.ts";
import { detailOf } from "#kit/error.ts";
import { money } from "#kit/money.ts";
import { insist } from "../chaos/insist.ts";
import { once } from "./order-after-sale.ts";
import { ADDRESS, type Customer, refusal, shopOf } from "./order-shop.ts";

const shop = shopOf(test);

const eur = (minor: bigint) => money(minor, "EUR");
const STANDARD = { shippingAddress: ADDRESS, shippingMethod: "standard" };
const PICK_UP = { shippingAddress: ADDRESS, shippingMethod: "pick-up" };
const CARD = { payment: { token: "tok_visa" } };

async function giftCard(minor: bigint, currency = "EUR") {
  const cards = shop().mesh.as(GiftCardService);
  const id = uuidv7();
  const { code } = await cards.issueGiftCard({ giftCardId: id, amount: money(minor, currency) });
  return { id, code, left: async () => (await cards.getGiftCard({ id })).giftCard?.balance?.minor };
}

/** A customer with store credit and something for EUR 39.98 in the cart, which costs 44.88 with standard shipping. */
async function customerWith(minor: bigint) {
  const ada = await shop().customer();
  const credit = shop().mesh.as(StoreCreditService);
  const given = { accountId: ada.id, amount: eur(minor), reason: "goodwill" };
  if (minor > 0n) await credit.adjustStoreCredit(given, { idempotencyKey: ada.id });
  const lamp = await shop().offer(1_999n, 10);
  await ada.add(lamp, 2n);
  const left = async () =>
    (await credit.getStoreCredit({ accountId: ada.id })).balances.find((it) => it.currency === "EUR")?.minor;
  return { ada, lamp, creditLeft: left };
}

async function place(customer: Customer, request: Parameters<Customer["checkout"]["placeOrder"]>[0]) {
  return (await customer.checkout.placeOrder(request, once())).order as Order;
}

test.serial("a gift card and store credit pay what their quote said, and a card pays the rest", async (t) => {
  const card = await giftCard(2_000n);
  const { ada, creditLeft } = await customerWith(500n);
  const means = { giftCards: [{ code: card.code }], storeCredit: {} };
  const { quotes } = await ada.checkout.getQuote({ shippingAddress: ADDRESS, ...means });
  const quote = quotes.find(({ shippingMethod }) => shippingMethod === "standard");
  const shares = [
    [MeansKind.GIFT_CARD, `Gift card ending in ${card.code.slice(-4)}`, 2_000n],
    [MeansKind.STORE_CREDIT, "Store credit", 500n],
  ];
  t.deepEqual(
    quote?.means.map(({ kind, displayName, amount }) => [kind, displayName, amount?.minor]),
    shares as never,
  );
  t.like(quote, { total: eur(4_488n), cardAmount: eur(1_988n) });
  t.deepEqual([await card.left(), await creditLeft()], [2_000n, 500n], "a quote takes nothing");

  const key = once();
  const placing = () =>
    ada.checkout.placeOrder({ ...STANDARD, ...CARD, ...means, expectedTotal: eur(4_488n) }, key);
  const order = (await placing()).order as Order;
  t.is(order.state, OrderState.CONFIRMED);
  t.deepEqual(
    order.means.map(({ kind, displayName, amount }) => [kind, displayName, amount?.minor]),
    shares as never,
  );
  t.deepEqual((await ada.orders.getOrder({ id: order.id })).order, order);
  const { parts, accountId } = await shop().payment(order.id);
  t.deepEqual(
    parts.map(({ kind, authorized }) => [kind, authorized?.minor]),
    [
      [PaymentPartKind.GIFT_CARD, 2_000n],
      [PaymentPartKind.STORE_CREDIT, 500n],
      [PaymentPartKind.PROVIDER, 1_988n],
    ],
  );
  t.is(accountId, ada.id);
  t.deepEqual((await placing()).order, order, "the same call again finds the order, not a spent card");
  t.deepEqual([await card.left(), await creditLeft()], [0n, 0n]);
});

test.serial(
  "what is sent is taken from the means in their order, and given back the other way round",
  async (t) => {
    const card = await giftCard(2_500n);
    const { ada, creditLeft } = await customerWith(1_000n);
    const staff = shop().mesh.as(OrderService);
    const order = await place(ada, {
      ...PICK_UP,
      ...CARD,
      giftCards: [{ code: card.code, amount: eur(2_100n) }],
      storeCredit: { amount: eur(600n) },
    });
    const takenAndBack = async () =>
      (await shop().payment(order.id)).parts.map(({ captured, refunded }) => [
        captured?.minor,
        refunded?.minor,
      ]);
    const lineId = order.lines[0]?.id ?? "";
    await staff.shipOrder({ orderId: order.id, items: [{ lineId, quantity: 1n }] }, once());
    t.deepEqual(await takenAndBack(), [
      [1_999n, 0n],
      [0n, 0n],
      [0n, 0n],
    ]);
    await staff.shipOrder({ orderId: order.id }, once());
    t.deepEqual(await takenAndBack(), [
      [2_100n, 0n],
      [600n, 0n],
      [1_298n, 0n],
    ]);
    // The card gets its money back first.
    await staff.refundOrder({ orderId: order.id, items: [{ lineId, quantity: 1n }] }, once());
    t.deepEqual(await takenAndBack(), [
      [2_100n, 101n],
      [600n, 600n],
      [1_298n, 1_298n],
    ]);
    await staff.refundOrder({ orderId: order.id, items: [{ lineId, quantity: 1n }] }, once());
    t.deepEqual([await card.left(), await creditLeft()], [2_500n, 1_000n]);
    t.is((await shop().payment(order.id)).state, PaymentState.REFUNDED);
  },
);

test.serial(
  "an order that gift cards and store credit pay needs no card, and gives back to them",
  async (t) => {
    const [first, second] = [await giftCard(1_000n), await giftCard(5_000n)];
    const { ada, lamp, creditLeft } = await customerWith(800n);
    const giftCards = [{ code: first.code }, { code: second.code, amount: eur(2_198n) }];
    const order = await place(ada, { ...PICK_UP, giftCards, storeCredit: {} });
    t.deepEqual(
      order.means.map(({ amount }) => amount?.minor),
      [1_000n, 2_198n, 800n],
    );
    t.is((await shop().payment(order.id)).providerChargeId, "");
    t.deepEqual([await first.left(), await second.left(), await creditLeft()], [0n, 2_802n, 0n]);
    const staff = shop().mesh.as(OrderService);
    const items = [{ lineId: order.lines[0]?.id ?? "", quantity: 1n }];
    await staff.shipOrder({ orderId: order.id, items }, once());
    await staff.cancelOrderItems({ orderId: order.id }, once());
    // The first card and 9.99 of the second one paid what was sent.
    t.deepEqual([await first.left(), await second.left(), await creditLeft()], [0n, 4_001n, 800n]);
    t.deepEqual(await shop().stock(lamp), [9, 0]);
  },
);

test.serial("an order that is cancelled, or comes to nothing, gives the means back", async (t) => {
  const card = await giftCard(2_000n);
  const { ada, creditLeft } = await customerWith(500n);
  const means = { giftCards: [{ code: card.code }], storeCredit: {} };
  const declined = place(ada, { ...STANDARD, payment: { token: "tok_declined" }, ...means });
  t.is((await refusal(declined)).reason, "PAYMENT_DECLINED");
  t.deepEqual([await card.left(), await creditLeft()], [2_000n, 500n]);
  const order = await place(ada, { ...STANDARD, ...CARD, ...means });
  t.is((await ada.orders.cancelOrder({ id: order.id })).order?.state, OrderState.CANCELLED);
  t.deepEqual([await card.left(), await creditLeft()], [2_000n, 500n]);
});

test.serial("a refund of a customer's order can become store credit, whatever paid it", async (t) => {
  const { ada, creditLeft } = await customerWith(0n);
  const order = await place(ada, { ...STANDARD, ...CARD });
  const staff = shop().mesh.as(OrderService);
  await staff.shipOrder({ orderId: order.id }, once());
  await staff.refundOrder({ orderId: order.id, amount: eur(1_000n), toStoreCredit: true }, once());
  t.is(await creditLeft(), 1_000n);
});

test.serial("what cannot pay is refused with why, and nothing is ordered", async (t) => {
  const [low, yen, gone] = [await giftCard(500n), await giftCard(500n, "JPY"), await giftCard(500n)];
  await shop().mesh.as(GiftCardService).disableGiftCard({ id: gone.id, reason: "lost" });
  const { ada, lamp } = await customerWith(100n);
  const outcome = async (means: object) => {
    const { reason, metadata } = await refusal(place(ada, { ...STANDARD, ...CARD, ...means }));
    t.deepEqual(
      await refusal(ada.checkout.getQuote({ shippingAddress: ADDRESS, ...means })).then((it) => it.reason),
      reason,
      "a quote says it before",
    );
    return [reason, metadata["state"]];
  };
  t.deepEqual(await outcome({ giftCards: [{ code: "GIFT-NONE-SUCH" }] }), ["GIFT_CARD_REFUSED", "NOT_FOUND"]);
  t.deepEqual(await outcome({ giftCards: [{ code: gone.code }] }), ["GIFT_CARD_REFUSED", "DISABLED"]);
  t.deepEqual(await outcome({ giftCards: [{ code: yen.code }] }), ["GIFT_CARD_REFUSED", "OTHER_CURRENCY"]);
  const tooMuch = { giftCards: [{ code: low.code, amount: eur(501n) }] };
  t.deepEqual(await outcome(tooMuch), ["GIFT_CARD_REFUSED", "TOO_LOW"]);
  t.deepEqual(await outcome({ storeCredit: { amount: eur(101n) } }), ["STORE_CREDIT_REFUSED", "TOO_LOW"]);
  const twice = { giftCards: [{ code: low.code }, { code: low.code }] };
  t.deepEqual(await outcome(twice), ["INVALID_REQUEST", undefined]);

  const error = await refusal(place(ada, { ...STANDARD, giftCards: [{ code: low.code }] }));
  t.is(error.reason, "INVALID_REQUEST");
  t.deepEqual(
    detailOf(error, BadRequestSchema)?.fieldViolations.map(({ field, description }) => [field, description]),
    [["payment", "is missing: 3988 EUR in minor units are left for a card to pay"]],
  );
  t.deepEqual((await ada.orders.listMyOrders({})).orders, []);
  t.deepEqual([await low.left(), await shop().stock(lamp)], [500n, [10, 0]]);
});

test.serial("a guest pays with a gift card, and has no store credit", async (t) => {
  const card = await giftCard(600n);
  const cup = await shop().offer(600n);
  const eve = await guestOrder(cup, { ...CARD, storeCredit: {} });
  t.like(await refusal(eve.order()), { reason: "STORE_CREDIT_REFUSED", metadata: { state: "NO_CUSTOMER" } });
  const bob = await guestOrder(cup, { giftCards: [{ code: card.code }] });
  t.like(await bob.order(), { state: OrderState.CONFIRMED, guest: true });
  t.is(await card.left(), 0n);
});

test.serial(
  "who orders a cart from several tabs at once hears that nothing is left in it, not that the gift card is spent",
  async (t) => {
    for (let round = 0; round < 5; round++) {
      const card = await giftCard(2_000n);
      const { ada } = await customerWith(500n);
      const means = { giftCards: [{ code: card.code }], storeCredit: { amount: eur(500n) } };
      const tabs = Array.from({ length: 10 }, () => place(ada, { ...STANDARD, ...CARD, ...means }));
      const outcomes = await Promise.allSettled(tabs);
      const reasons = outcomes.map((it) => (it.status === "rejected" ? it.reason.reason : "placed"));
      t.deepEqual(reasons.sort(), [...Array.from({ length: 9 }, () => "CART_EMPTY"), "placed"]);
    }
  },
);

test.serial(
  "who comes too late for a gift card hears how much is left on it, and can order with that",
  async (t) => {
    const card = await giftCard(3_000n);
    const [{ ada, lamp }, { ada: bob }] = [await customerWith(0n), await customerWith(0n)];
    const giftCards = [{ code: card.code }];
    let overtaken: Promise<Order> | undefined;
    shop().observe = async ({ saga, step, phase }) => {
      if (saga !== "place-order" || step !== "authorize-payment" || phase !== "before") return;
      if (overtaken !== undefined) return;
      overtaken = place(bob, {
        ...STANDARD,
        ...CARD,
        giftCards: [{ code: card.code, amount: eur(2_000n) }],
      });
      await overtaken;
    };
    const late = await refusal(place(ada, { ...STANDARD, ...CARD, giftCards }));
    shop().observe = () => {};
    t.like(late, { reason: "GIFT_CARD_REFUSED", metadata: { state: "TOO_LOW", balance_minor: "1000" } });
    t.regex(late.message, /1000 EUR in minor units are left on it/);
    t.deepEqual(await shop().stock(lamp), [10, 0]);
    const order = await place(ada, { ...STANDARD, ...CARD, giftCards });
    t.is(order.means[0]?.amount?.minor, 1_000n);
    t.is(await card.left(), 0n);
  },
);

test.serial(
  "of 50 callers who want the last cents of a gift card, as many get them as there are",
  async (t) => {
    const card = await giftCard(7n * 10n + 6n);
    const pin = await shop().offer(7n, 100);
    const guests = await Promise.all(
      Array.from({ length: 50 }, () =>
        guestOrder(pin, { giftCards: [{ code: card.code, amount: eur(7n) }] }),
      ),
    );
    const outcomes = await Promise.allSettled(guests.map(({ order }) => insist(order)));
    t.is(outcomes.filter(({ status }) => status === "fulfilled").length, 10);
    for (const it of outcomes) if (it.status === "rejected") t.is(it.reason.reason, "GIFT_CARD_REFUSED");
    t.is(await card.left(), 6n);
    t.deepEqual(await shop().stock(pin), [90, 10]);
  },
);

/** A guest with one of a variant in the cart, about to fetch it. */
async function guestOrder(variantId: string, means: object) {
  const cart = shop().mesh.withToken(CartService, "");
  const { cartToken } = await cart.createGuestCart({});
  await cart.addItem({ cartToken, variantId, quantity: 1n });
  const checkout = shop().mesh.withToken(CheckoutService, "");
  const request = { ...PICK_UP, cartToken, email: `${randomUUID()}@example.com`, ...means };
  const key = once();
  return { order: async () => (await checkout.placeOrder(request, key)).order as Order };
}
