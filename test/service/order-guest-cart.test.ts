import test from "ava";
import { CartChangeKind, CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { Code } from "#kit/error.ts";
import { ADDRESS, refusal, shopOf } from "./order-shop.ts";

const shop = shopOf(test);

/** Somebody who is not signed in, with a cart. */
async function guest(currency = "") {
  const cart = shop().mesh.withToken(CartService, "");
  const checkout = shop().mesh.withToken(CheckoutService, "");
  const { cartToken } = await cart.createGuestCart({ currency });
  return {
    cart,
    checkout,
    cartToken,
    add: (variantId: string, quantity = 1n, note = "") =>
      cart.addItem({ cartToken, variantId, quantity, note }),
    get: async () => (await cart.getCart({ cartToken })).cart,
    place: (email: string, idempotencyKey = cartToken) =>
      checkout.placeOrder(
        {
          cartToken,
          email,
          shippingAddress: ADDRESS,
          shippingMethod: "standard",
          payment: { token: "tok_visa" },
        },
        { idempotencyKey },
      ),
  };
}

const content = (cart: { lines: { variantId: string; quantity: bigint; note: string }[] } | undefined) =>
  cart?.lines.map(({ variantId, quantity, note }) => [variantId, quantity, note]);

test.serial("a guest has the cart whose token was given, and nobody else's", async (t) => {
  const lamp = await shop().offer(1_000n);
  const bob = await guest();
  await bob.add(lamp, 2n);
  t.deepEqual(content(await bob.get()), [[lamp, 2n, ""]]);
  t.is((await refusal(bob.cart.getCart({ cartToken: "made-up" }))).reason, "CART_NOT_FOUND");
  t.is((await refusal(bob.cart.getCart({}))).reason, "CART_NOT_FOUND");
  t.is(
    (await refusal(bob.cart.addItem({ cartToken: "made-up", variantId: lamp, quantity: 1n }))).reason,
    "CART_NOT_FOUND",
  );
});

test.serial("a guest's cart goes into the customer's: no line is lost, none is doubled, once", async (t) => {
  const [lamp, cup, jug] = [await shop().offer(100n), await shop().offer(200n), await shop().offer(300n)];
  const [bob, ada] = [await guest(), await shop().customer()];
  await ada.add(cup, 1n);
  await ada.add(lamp, 1n, "for Ada");
  await bob.add(lamp, 2n);
  await bob.add(cup, 3n);
  await bob.add(jug, 1n);
  const { cartToken } = bob;
  const merges = await Promise.all(Array.from({ length: 5 }, () => ada.cart.mergeCart({ cartToken })));
  merges.push(await ada.cart.mergeCart({ cartToken }));
  for (const { cart } of merges) {
    t.deepEqual(
      content(cart)?.toSorted(),
      [
        [cup, 4n, ""],
        [jug, 1n, ""],
        [lamp, 2n, ""],
        [lamp, 1n, "for Ada"],
      ].toSorted(),
    );
  }
  t.is((await refusal(bob.get())).reason, "CART_NOT_FOUND", "the token no longer serves");
  const eve = await shop().customer();
  t.is((await refusal(eve.cart.mergeCart({ cartToken }))).reason, "CART_NOT_FOUND");
});

test.serial("what is added to a guest's cart while it is merged is in one of the two carts", async (t) => {
  const lamp = await shop().offer(100n);
  const [bob, ada] = [await guest(), await shop().customer()];
  await bob.add(lamp);
  const adding = Array.from({ length: 20 }, () => bob.add(lamp));
  const merging = ada.cart.mergeCart({ cartToken: bob.cartToken });
  const outcomes = await Promise.allSettled(adding);
  await merging;
  const added = outcomes.filter(({ status }) => status === "fulfilled").length;
  for (const it of outcomes) if (it.status === "rejected") t.is(it.reason.reason, "CART_NOT_FOUND");
  t.deepEqual(await ada.lines(), [[lamp, BigInt(added) + 1n, ""]]);
});

test.serial("a change under an old etag is refused; of 50 at once under one etag one succeeds", async (t) => {
  const lamp = await shop().offer(100n);
  const bob = await guest();
  const etag = (await bob.add(lamp)).cart?.etag ?? "";
  const { cartToken } = bob;
  const lineId = (await bob.get())?.lines[0]?.id ?? "";
  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, (_, index) =>
      index % 2 === 0
        ? bob.cart.addItem({ cartToken, variantId: lamp, quantity: 1n, etag })
        : bob.cart.updateItem({ cartToken, lineId, quantity: 2n, etag }),
    ),
  );
  t.is(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
  for (const it of outcomes) if (it.status === "rejected") t.is(it.reason.reason, "ETAG_MISMATCH");
  t.deepEqual(content(await bob.get()), [[lamp, 2n, ""]]);
  t.is((await refusal(bob.cart.clearCart({ cartToken, etag: "?" }))).code, Code.INVALID_ARGUMENT);
});

test.serial("of 50 who add at once without an etag all succeed and nothing is lost", async (t) => {
  const lamp = await shop().offer(100n);
  const bob = await guest();
  await Promise.all(Array.from({ length: 50 }, (_, index) => bob.add(lamp, 1n, `note ${index % 5}`)));
  t.deepEqual(
    content(await bob.get())?.map(([, quantity]) => quantity),
    [10n, 10n, 10n, 10n, 10n],
  );
});

test.serial("a line that is put aside costs nothing, is not ordered, and comes back", async (t) => {
  const [lamp, cup] = [await shop().offer(1_000n), await shop().offer(500n)];
  const ada = await shop().customer();
  await ada.add(lamp, 2n);
  await ada.add(cup, 1n);
  const lineId = (await ada.cart.getCart({})).cart?.lines[0]?.id ?? "";
  for (let time = 0; time < 2; time++) {
    const { cart } = await ada.cart.saveForLater({ lineId });
    t.like(cart, { total: { minor: 500n }, savedLines: [{ variantId: lamp, quantity: 2n }] });
    t.deepEqual(content(cart), [[cup, 1n, ""]]);
  }
  await ada.add(lamp, 3n);
  t.is((await ada.place()).subtotal?.minor, 3_500n);
  const { cart } = await ada.cart.moveToCart({ lineId });
  t.deepEqual(content(cart), [[lamp, 2n, ""]]);
  t.deepEqual(cart?.savedLines, []);
});

test.serial("a line that is put aside again takes the one that is there in", async (t) => {
  const lamp = await shop().offer(1_000n);
  const ada = await shop().customer();
  for (let time = 0; time < 2; time++) {
    await ada.add(lamp, 2n);
    const lineId = (await ada.cart.getCart({})).cart?.lines[0]?.id ?? "";
    await ada.cart.saveForLater({ lineId });
  }
  const { cart } = await ada.cart.getCart({});
  t.deepEqual([cart?.lines.length, cart?.savedLines.map(({ quantity }) => quantity)], [0, [4n]]);
});

test.serial("the cart says once what changed since it was last read", async (t) => {
  const { catalogue } = shop();
  const [lamp, cup] = [await shop().offer(1_000n, 3), await shop().offer(2_000n)];
  const ada = await shop().customer();
  await ada.add(lamp, 2n);
  await ada.add(cup, 1n);
  t.deepEqual((await ada.cart.getCart({})).cart?.changes, []);
  const price = catalogue.variants.get(lamp)?.variant?.price;
  if (price !== undefined) price.minor = 1_500n;
  catalogue.variants.delete(cup);
  const bob = await shop().customer();
  await bob.add(lamp, 2n);
  await bob.place();
  const { cart } = await ada.cart.getCart({});
  const [first, second] = cart?.lines ?? [];
  t.like(cart?.changes, [
    {
      kind: CartChangeKind.PRICE,
      lineId: first?.id,
      oldPrice: { minor: 1_000n },
      newPrice: { minor: 1_500n },
    },
    { kind: CartChangeKind.STOCK, lineId: first?.id, available: 1n },
    { kind: CartChangeKind.UNAVAILABLE, lineId: second?.id },
  ]);
  t.like(first, { insufficient: true, available: 1n });
  t.deepEqual((await ada.cart.getCart({})).cart?.changes, []);
});

test.serial(
  "a guest orders with an e-mail address, and is given a token for the order once more",
  async (t) => {
    const lamp = await shop().offer(1_000n, 5);
    const bob = await guest();
    await bob.add(lamp, 2n);
    const missing = await refusal(bob.place("", "without"));
    t.is(missing.reason, "GUEST_EMAIL_MISSING");
    const { order, orderToken } = await bob.place("bob@example.com");
    t.like(order, { state: OrderState.CONFIRMED, guest: true, customerId: "", email: "bob@example.com" });
    t.true(orderToken.length >= 40);
    t.deepEqual((await bob.get())?.lines, []);
    const again = await bob.place("bob@example.com");
    t.deepEqual([again.order?.id, again.orderToken], [order?.id, orderToken]);
    t.deepEqual(await shop().stock(lamp), [3, 2]);
  },
);

test.serial(
  "who is signed in orders a guest's cart for the address that is given, or else the own one",
  async (t) => {
    const clerk = await shop().customer();
    for (const email of ["caller@example.com", ""]) {
      const bob = await guest();
      await bob.add(await shop().offer(1_000n));
      const { order } = await clerk.checkout.placeOrder(
        {
          cartToken: bob.cartToken,
          email,
          shippingAddress: ADDRESS,
          shippingMethod: "standard",
          payment: { token: "tok_visa" },
        },
        { idempotencyKey: bob.cartToken },
      );
      t.like(order, { guest: true, email: email || clerk.email });
    }
  },
);

test.serial("a cart in another currency is priced, shipped and ordered in it", async (t) => {
  const { catalogue } = shop();
  const lamp = await shop().offer(1_000n);
  const sale = catalogue.variants.get(lamp);
  sale?.prices.push({
    $typeName: "souk.product.v1.VariantPrice",
    price: { $typeName: "souk.mesh.v1.Money", minor: 1_100n, currency: "USD" },
    customerGroup: "",
    minQuantity: 0n,
    sale: false,
  });
  const bob = await guest("USD");
  const { cart } = await bob.add(lamp);
  t.like(cart, { currency: "USD", total: { minor: 1_100n, currency: "USD" } });
  const { order } = await bob.place("bob@example.com");
  t.like(order, { shipping: { minor: 590n, currency: "USD" }, total: { minor: 1_690n, currency: "USD" } });
  const ada = await shop().customer();
  await ada.cart.addItem({ variantId: lamp, quantity: 1n, currency: "USD" });
  const error = await refusal(ada.cart.addItem({ variantId: lamp, quantity: 1n, currency: "EUR" }));
  t.is(error.reason, "CURRENCY_MISMATCH");
});

test.serial("no cart is made in a currency that nothing is sold in", async (t) => {
  for (const currency of ["XXX", "JPY"]) {
    const error = await refusal(guest(currency));
    t.like(error, { reason: "CURRENCY_NOT_SOLD", metadata: { currency, known: "EUR, USD" } });
    t.regex(error.message, /^currency .*; take one of EUR, USD$/);
  }
});

test.serial("taxes follow the country, and a company elsewhere in the union owes them itself", async (t) => {
  const bob = await guest();
  await bob.add(await shop().offer(11_900n));
  const { cartToken } = bob;
  const quote = async (countryCode: string, vatId = "") => {
    const shippingAddress = { ...ADDRESS, countryCode };
    const { quotes } = await bob.checkout.getQuote({ cartToken, shippingAddress, vatId });
    const standard = quotes.find(({ shippingMethod }) => shippingMethod === "standard");
    return [standard?.total?.minor, standard?.taxIncluded?.minor, standard?.taxes[0]?.reverseCharge];
  };
  t.deepEqual(await quote("DE"), [11_900n, 1_900n, false]);
  // 119.00 * 20 / 120 = 19.8333
  t.deepEqual(await quote("AT"), [11_900n, 1_983n, false]);
  t.deepEqual(await quote("AT", "ATU 1358 5627"), [9_917n, 0n, true]);
  t.deepEqual(await quote("DE", "DE136695976"), [11_900n, 1_900n, false]);
  for (const [country, vatId] of [
    ["AT", "ATU13585626"],
    ["DE", "DE136695975"],
    ["AT", "DE136695976"],
    ["US", "US123456789"],
  ] as const) {
    const error = await refusal(quote(country, vatId));
    t.deepEqual([error.reason, error.code], ["VAT_ID_INVALID", Code.INVALID_ARGUMENT], vatId);
  }
});
