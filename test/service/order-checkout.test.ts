import { fromBinary } from "@bufbuild/protobuf";
import { connect } from "@nats-io/transport-node";
import test from "ava";
import { OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { PromotionService } from "#gen/souk/order/v1/promotion_pb.ts";
import { PaymentState } from "#gen/souk/payment/v1/payment_pb.ts";
import { Code } from "#kit/error.ts";
import { once } from "./order-after-sale.ts";
import { ADDRESS, refusal, shopOf } from "./order-shop.ts";

const shop = shopOf(test);

test.serial("a quote says what the cart costs with each way of shipping, the cheapest first", async (t) => {
  const ada = await shop().customer();
  await ada.add(await shop().offer(1_999n), 2n);
  const { quotes } = await ada.checkout.getQuote({ shippingAddress: ADDRESS });
  t.deepEqual(
    quotes.map((it) => [
      it.shippingMethod,
      it.subtotal?.minor,
      it.shipping?.minor,
      it.taxIncluded?.minor,
      it.total?.minor,
    ]),
    [
      // 39.98 * 19 / 119 = 6.3834; 44.88 * 19 / 119 = 7.1657; 52.88 * 19 / 119 = 8.4430
      ["pick-up", 3_998n, 0n, 638n, 3_998n],
      ["standard", 3_998n, 490n, 717n, 4_488n],
      ["express", 3_998n, 1_290n, 844n, 5_288n],
    ],
  );
});

test.serial(
  "nothing goes to a country that there is not, and what to write in its place is told",
  async (t) => {
    const ada = await shop().customer();
    await ada.add(await shop().offer(1_000n));
    const quote = (countryCode: string) =>
      ada.checkout.getQuote({ shippingAddress: { ...ADDRESS, countryCode } });
    const order = { shippingMethod: "standard", shippingAddress: ADDRESS };
    const terms = {
      displayName: "Free shipping",
      effect: { case: "freeShipping" as const, value: {} },
      conditions: { countryCodes: ["DE", "UK"] },
    };
    for (const [attempt, field, remedy] of [
      [() => quote("UK"), "shipping_address.country_code", "take GB"],
      [() => quote("ZZ"), "shipping_address.country_code", "for example DE"],
      [
        () =>
          ada.checkout.placeOrder({ ...order, billingAddress: { ...ADDRESS, countryCode: "ZZ" } }, once()),
        "billing_address.country_code",
        "for example DE",
      ],
      [
        () => shop().mesh.as(PromotionService).createPromotion({ terms }),
        "terms.conditions.country_codes[1]",
        "take GB",
      ],
    ] as const) {
      const error = await refusal(attempt());
      t.deepEqual([error.reason, error.code], ["INVALID_REQUEST", Code.INVALID_ARGUMENT]);
      t.true(error.message.startsWith(`${field}: `) && error.message.endsWith(remedy), error.message);
    }
    for (const countryCode of ["GB", "XK"]) t.true((await quote(countryCode)).quotes.length > 0, countryCode);
  },
);

test.serial("standard shipping is free from 50 euros on", async (t) => {
  const ada = await shop().customer();
  await ada.add(await shop().offer(2_500n), 2n);
  const { quotes } = await ada.checkout.getQuote({ shippingAddress: ADDRESS });
  t.deepEqual(
    quotes.map(({ shippingMethod, shipping }) => [shippingMethod, shipping?.minor]),
    [
      ["standard", 0n],
      ["pick-up", 0n],
      ["express", 1_290n],
    ],
  );
});

test.serial("there is no quote for an empty cart, nor for what is no longer on sale", async (t) => {
  const ada = await shop().customer();
  t.is((await refusal(ada.checkout.getQuote({ shippingAddress: ADDRESS }))).reason, "CART_EMPTY");
  t.is((await refusal(ada.place())).reason, "CART_EMPTY");
  const lamp = await shop().offer(100n);
  await ada.add(lamp);
  shop().catalogue.variants.delete(lamp);
  for (const error of [
    await refusal(ada.checkout.getQuote({ shippingAddress: ADDRESS })),
    await refusal(ada.place()),
  ]) {
    t.is(error.reason, "LINE_UNAVAILABLE");
    t.is(error.metadata.variant_id, lamp);
  }
});

test.serial(
  "an order costs what its quote said, has its stock and its payment, and leaves an empty cart",
  async (t) => {
    const { mesh } = shop();
    const nats = await connect({ servers: mesh.env.SOUK_NATS_URL });
    t.teardown(() => nats.close());
    const confirmed = nats.subscribe(`${mesh.env.SOUK_EVENT_NAMESPACE}.order.v1.OrderConfirmed.*`);
    await nats.flush();
    const [lamp, cup] = [await shop().offer(1_999n, 10), await shop().offer(333n, 10)];
    const ada = await shop().customer();
    await ada.add(lamp, 2n);
    await ada.add(cup, 1n, "for Bob");
    const { quotes } = await ada.checkout.getQuote({ shippingAddress: ADDRESS });
    const quote = quotes.find(({ shippingMethod }) => shippingMethod === "standard");

    const order = await ada.place({ expectedTotal: quote?.total });

    t.is(order.state, OrderState.CONFIRMED);
    t.regex(order.number, /^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/);
    const { subtotal, shipping, taxIncluded, total } = order;
    t.like(
      { subtotal, shipping, taxIncluded, total },
      {
        subtotal: quote?.subtotal,
        shipping: quote?.shipping,
        taxIncluded: quote?.taxIncluded,
        total: quote?.total,
      },
    );
    t.deepEqual(
      order.lines.map((line) => [
        line.variantId,
        line.quantity,
        line.unitPrice?.minor,
        line.total?.minor,
        line.note,
      ]),
      [
        [lamp, 2n, 1_999n, 3_998n, ""],
        [cup, 1n, 333n, 333n, "for Bob"],
      ],
    );
    t.like(order.shippingAddress, ADDRESS);
    t.deepEqual(await shop().stock(lamp), [8, 2]);
    t.deepEqual(await shop().stock(cup), [9, 1]);
    t.like(await shop().payment(order.paymentId), { state: PaymentState.AUTHORIZED, amount: order.total });
    t.deepEqual(await ada.lines(), []);
    t.deepEqual((await ada.orders.getOrder({ id: order.id })).order, order);
    for await (const message of confirmed) {
      const event = fromBinary(OrderConfirmedSchema, message.data);
      if (event.orderId !== order.id) continue;
      t.like(event, { customerId: ada.id, email: ada.email, order });
      break;
    }
  },
);

test.serial("an order keeps the price at which it was placed", async (t) => {
  const lamp = await shop().offer(1_000n);
  const ada = await shop().customer();
  await ada.add(lamp);
  const placed = await ada.place();
  shop().catalogue.variants.delete(lamp);
  t.deepEqual((await ada.orders.getOrder({ id: placed.id })).order, placed);
});

test.serial("an order that costs something else than expected is refused with both totals", async (t) => {
  const lamp = await shop().offer(1_000n);
  const ada = await shop().customer();
  await ada.add(lamp);
  const [line] = (await ada.cart.getCart({})).cart?.lines ?? [];
  const price = shop().catalogue.variants.get(lamp)?.variant?.price;
  if (price !== undefined) price.minor = 1_100n;
  const error = await refusal(
    ada.place({ expectedTotal: { $typeName: "souk.mesh.v1.Money", minor: 1_490n, currency: "EUR" } }),
  );
  t.is(error.reason, "TOTAL_CHANGED");
  t.deepEqual(error.metadata, {
    total_minor: "1590",
    total_currency: "EUR",
    expected_minor: "1490",
    expected_currency: "EUR",
    subtotal_minor: "1100",
    shipping_minor: "490",
    discount_minor: "0",
    changes: `line ${line?.id} costs 1100 each, not 1000`,
  });
  t.is((await ada.lines()).length, 1);
});

test.serial("an unknown way of shipping is refused", async (t) => {
  const ada = await shop().customer();
  await ada.add(await shop().offer(1_000n));
  t.is((await refusal(ada.place({ shippingMethod: "pigeon" }))).reason, "SHIPPING_METHOD_UNAVAILABLE");
});

test.serial("express costs what express costs", async (t) => {
  const ada = await shop().customer();
  await ada.add(await shop().offer(10_000n));
  t.like(await ada.place({ shippingMethod: "express" }), {
    shippingMethod: "express",
    shipping: { minor: 1_290n },
    total: { minor: 11_290n },
  });
});

test.serial(
  "a declined payment leaves the stock free, the cart as it was and the order cancelled",
  async (t) => {
    const lamp = await shop().offer(1_000n, 5);
    const ada = await shop().customer();
    await ada.add(lamp, 2n);
    const error = await refusal(ada.place({ token: "tok_declined" }));
    t.is(error.reason, "PAYMENT_DECLINED");
    t.is(error.code, Code.FAILED_PRECONDITION);
    t.deepEqual(await shop().stock(lamp), [5, 0]);
    t.deepEqual(await ada.lines(), [[lamp, 2n, ""]]);
    const { orders } = await ada.orders.listMyOrders({});
    t.like(orders[0], { state: OrderState.CANCELLED, cancelReason: "PAYMENT_DECLINED" });
    t.is((await ada.place()).state, OrderState.CONFIRMED, "another card will do");
    t.deepEqual(await shop().stock(lamp), [3, 2]);
  },
);

test.serial("what is out of stock is named, and nothing else is taken", async (t) => {
  const [lamp, cup] = [await shop().offer(1_000n, 5), await shop().offer(1_000n, 1)];
  const ada = await shop().customer();
  await ada.add(lamp, 2n);
  await ada.add(cup, 1n);
  await ada.add(cup, 1n, "engraved");
  const error = await refusal(ada.place());
  t.is(error.reason, "OUT_OF_STOCK");
  t.like(error.metadata, { variant_id: cup });
  t.deepEqual(await shop().stock(lamp), [5, 0]);
  t.is((await ada.lines()).length, 3);
});

test.serial("one key places one order, however often and at once it comes", async (t) => {
  const lamp = await shop().offer(1_000n, 10);
  const ada = await shop().customer();
  await ada.add(lamp, 1n);
  const place = () => ada.place({}, { idempotencyKey: `one-${ada.id}` });
  const orders = await Promise.all([place(), place(), place(), place()]);
  orders.push(await place());
  t.is(new Set(orders.map(({ id }) => id)).size, 1);
  t.deepEqual(await shop().stock(lamp), [9, 1]);
  t.is((await ada.orders.listMyOrders({})).orders.length, 1);
});

test.serial("a failed order fails again under its key, and is placed under a new one", async (t) => {
  const ada = await shop().customer();
  await ada.add(await shop().offer(1_000n));
  const declined = () => ada.place({ token: "tok_declined" }, { idempotencyKey: `fail-${ada.id}` });
  t.is((await refusal(declined())).reason, "PAYMENT_DECLINED");
  t.is((await refusal(declined())).reason, "PAYMENT_DECLINED");
  t.is((await ada.orders.listMyOrders({})).orders.length, 1);
  t.is((await ada.place()).state, OrderState.CONFIRMED);
});

test.serial("a key that comes with another request is refused", async (t) => {
  const ada = await shop().customer();
  await ada.add(await shop().offer(1_000n));
  await ada.place({}, { idempotencyKey: `reuse-${ada.id}` });
  const error = await refusal(
    ada.place({ shippingMethod: "express" }, { idempotencyKey: `reuse-${ada.id}` }),
  );
  t.is(error.reason, "IDEMPOTENCY_KEY_REUSED");
});

test.serial("a cart that is ordered several times at once is ordered once", async (t) => {
  const lamp = await shop().offer(1_000n, 10);
  const ada = await shop().customer();
  await ada.add(lamp, 2n);
  await ada.add(lamp, 1n, "engraved");
  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => ada.place()));
  const placed = outcomes.flatMap((it) => (it.status === "fulfilled" ? [it.value] : []));
  t.is(placed.length, 1);
  t.is(placed[0]?.lines.length, 2);
  for (const it of outcomes) if (it.status === "rejected") t.is(it.reason.reason, "CART_EMPTY");
  t.deepEqual(await shop().stock(lamp), [7, 3]);
  t.deepEqual(await ada.lines(), []);
});

test.serial("the same item on two lines is reserved and charged for both", async (t) => {
  const lamp = await shop().offer(6_000n, 3);
  const ada = await shop().customer();
  await ada.add(lamp, 1n, "for Ada");
  await ada.add(lamp, 2n, "for Bob");
  const order = await ada.place();
  t.is(order.total?.minor, 18_000n);
  t.deepEqual(await shop().stock(lamp), [0, 3]);
  t.is((await shop().payment(order.id)).amount?.minor, 18_000n);
});

test.serial("many customers who want the last ones get just those that are there", async (t) => {
  const lamp = await shop().offer(6_000n, 3);
  const customers = await Promise.all(Array.from({ length: 6 }, () => shop().customer()));
  await Promise.all(customers.map((it) => it.add(lamp)));
  const outcomes = await Promise.allSettled(customers.map((it) => it.place()));
  t.is(outcomes.filter(({ status }) => status === "fulfilled").length, 3);
  for (const it of outcomes) if (it.status === "rejected") t.is(it.reason.reason, "OUT_OF_STOCK");
  t.deepEqual(await shop().stock(lamp), [0, 3]);
});
