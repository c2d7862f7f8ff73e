import test from "ava";
import { uuidv7 } from "uuidv7";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { Code } from "#kit/error.ts";
import { type Customer, refusal, shopOf } from "./order-shop.ts";

const shop = shopOf(test);

test.serial("a customer has a cart before anything is in it", async (t) => {
  const ada = await shop().customer();
  const { cart } = await ada.cart.getCart({});
  t.like(cart, {
    lines: [],
    subtotal: { minor: 0n, currency: "EUR" },
    total: { minor: 0n, currency: "EUR" },
  });
  const again = await ada.cart.getCart({});
  t.deepEqual([again.cart?.id, again.cart?.etag], [cart?.id, cart?.etag]);
});

test.serial("a line shows what is sold and what it costs today", async (t) => {
  const lamp = await shop().offer(4_900n);
  const ada = await shop().customer();
  const { cart } = await ada.cart.addItem({ variantId: lamp.toUpperCase(), quantity: 3n, note: "for Bob" });
  const sale = shop().catalogue.variants.get(lamp);
  t.like(cart?.lines[0], {
    variantId: lamp,
    sku: sale?.variant?.sku,
    title: sale?.productTitle,
    productSlug: sale?.productSlug,
    optionValues: ["Brass", "Large"],
    quantity: 3n,
    unitPrice: { minor: 4_900n },
    total: { minor: 14_700n },
    note: "for Bob",
    unavailable: false,
  });
  t.is(cart?.total?.minor, 14_700n);
});

test.serial(
  "equal variant and note grow one line, another note makes another one, in the order of adding",
  async (t) => {
    const [lamp, cup] = [await shop().offer(100n), await shop().offer(200n)];
    const ada = await shop().customer();
    await ada.add(lamp, 1n);
    await ada.add(cup, 2n);
    await ada.add(lamp, 1n, "engraved");
    await ada.add(lamp, 5n);
    t.deepEqual(await ada.lines(), [
      [lamp, 6n, ""],
      [cup, 2n, ""],
      [lamp, 1n, "engraved"],
    ]);
  },
);

test.serial("of items that are added at once none is lost, and there is one cart", async (t) => {
  const variants = [await shop().offer(100n), await shop().offer(200n), await shop().offer(300n)];
  const ada = await shop().customer();
  const carts = await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      ada.cart.addItem({ variantId: variants[index % variants.length], quantity: 2n }),
    ),
  );
  const { cart } = await ada.cart.getCart({});
  t.deepEqual(new Set(carts.map((it) => it.cart?.id)), new Set([cart?.id]));
  t.is(new Set(carts.map((it) => it.cart?.etag)).size, 30);
  t.is(cart?.total?.minor, 20n * 600n);
  t.deepEqual(
    (await ada.lines()).map(([id, quantity]) => [id, quantity]).sort(),
    variants.map((id) => [id, 20n]).sort(),
  );
  for (const { cart: seen } of carts) t.false(seen?.lines.some(({ unavailable }) => unavailable));
});

test.serial("setting and adding at once leave what one order of the two would", async (t) => {
  const lamp = await shop().offer(100n);
  const ada = await shop().customer();
  await ada.add(lamp, 1n);
  const line = (await ada.cart.getCart({})).cart?.lines[0]?.id ?? "";
  await Promise.all([ada.cart.updateItem({ lineId: line, quantity: 10n }), ada.add(lamp, 5n)]);
  const [[, quantity] = []] = await ada.lines();
  t.true(quantity === 10n || quantity === 15n, `${quantity}`);
});

test.serial("a line holds 999, whoever adds at once", async (t) => {
  const lamp = await shop().offer(100n);
  const ada = await shop().customer();
  const outcomes = await Promise.allSettled(
    [500n, 300n, 400n, 350n].map((quantity) => ada.add(lamp, quantity)),
  );
  t.true(outcomes.some(({ status }) => status === "rejected"));
  const [[, quantity] = []] = await ada.lines();
  t.true((quantity ?? 0n) > 0n && (quantity ?? 0n) <= 999n);
  const error = await refusal(ada.add(lamp, 999n));
  t.is(error.reason, "CART_TOO_LARGE");
  t.is(error.code, Code.FAILED_PRECONDITION);
  t.like(error.metadata, { limit: "999", variant_id: lamp });
});

test.serial("a cart holds 100 lines, whoever adds at once", async (t) => {
  const lamp = await shop().offer(100n);
  const ada = await shop().customer();
  for (let note = 0; note < 97; note++) await ada.add(lamp, 1n, `note ${note}`);
  const outcomes = await Promise.allSettled(["a", "b", "c", "d", "e"].map((note) => ada.add(lamp, 1n, note)));
  t.is(outcomes.filter(({ status }) => status === "fulfilled").length, 3);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected")
      t.like(outcome.reason, { reason: "CART_TOO_LARGE", metadata: { limit: "100" } });
  }
  t.is((await ada.lines()).length, 100);
  await t.notThrowsAsync(ada.add(lamp, 1n, "note 0"), "a line that is there still grows");
});

test.serial("what is not on sale cannot be added, and leaves nothing behind", async (t) => {
  const ada = await shop().customer();
  const unknown = await refusal(ada.add(uuidv7()));
  t.is(unknown.reason, "VARIANT_NOT_FOUND");
  t.is(unknown.code, Code.NOT_FOUND);
  const foreign = await refusal(ada.add(shop().catalogue.offer(100n, "USD")));
  t.is(foreign.reason, "CURRENCY_MISMATCH");
  t.like(foreign.metadata, { variant_currency: "USD", cart_currency: "EUR" });
  t.deepEqual(await ada.lines(), []);
});

test.serial(
  "adding under one key adds once, also when it is repeated at once, and answers alike",
  async (t) => {
    const lamp = await shop().offer(100n);
    const ada = await shop().customer();
    const add = () => ada.cart.addItem({ variantId: lamp, quantity: 2n }, { idempotencyKey: "first-lamp" });
    const answers = await Promise.all([add(), add(), add()]);
    answers.push(await add());
    for (const answer of answers) t.deepEqual(answer, answers[0]);
    t.deepEqual(await ada.lines(), [[lamp, 2n, ""]]);
  },
);

test.serial("a line is set, and removed with 0, also twice", async (t) => {
  const lamp = await shop().offer(100n);
  const ada = await shop().customer();
  await ada.add(lamp, 7n);
  const line = (await ada.cart.getCart({})).cart?.lines[0]?.id ?? "";
  const { cart } = await ada.cart.updateItem({ lineId: line, quantity: 3n });
  t.is(cart?.total?.minor, 300n);
  for (let time = 0; time < 2; time++) {
    t.deepEqual((await ada.cart.updateItem({ lineId: line, quantity: 0n })).cart?.lines, []);
  }
  t.is((await refusal(ada.cart.updateItem({ lineId: line, quantity: 1n }))).reason, "LINE_NOT_FOUND");
});

test.serial("somebody else's line is not found, and stays as it is", async (t) => {
  const lamp = await shop().offer(100n);
  const [ada, bob] = [await shop().customer(), await shop().customer()] as [Customer, Customer];
  await ada.add(lamp, 7n);
  const line = (await ada.cart.getCart({})).cart?.lines[0]?.id ?? "";
  t.is((await refusal(bob.cart.updateItem({ lineId: line, quantity: 1n }))).reason, "LINE_NOT_FOUND");
  await bob.cart.updateItem({ lineId: line, quantity: 0n });
  await bob.cart.clearCart({});
  t.deepEqual(await ada.lines(), [[lamp, 7n, ""]]);
});

test.serial("clearing empties the cart and keeps it", async (t) => {
  const ada = await shop().customer();
  await ada.add(await shop().offer(100n));
  await ada.add(await shop().offer(100n));
  const before = (await ada.cart.getCart({})).cart;
  const { cart } = await ada.cart.clearCart({});
  t.deepEqual(cart?.lines, []);
  t.is(cart?.id, before?.id);
  t.not(cart?.etag, before?.etag);
});

test.serial("the cart tells of too little exactly where an order would be refused for it", async (t) => {
  const stockroom = shop().mesh.as(InventoryService);
  const location = { displayName: "Attic", active: true };
  const locationId = (await stockroom.createLocation({ location })).location?.id ?? "";
  const lamp = await shop().offer(100n, 1);
  const found = { variantId: lamp, locationId, delta: 5n, reason: "found" };
  await stockroom.adjustStock(found, { idempotencyKey: lamp + locationId });
  const ada = await shop().customer();
  await ada.add(lamp, 4n);
  const told = async () => {
    const line = (await ada.cart.getCart({})).cart?.lines[0];
    return [line?.insufficient, line?.available];
  };
  t.deepEqual(await told(), [true, 1n]);
  const { reason, metadata } = await refusal(ada.place());
  t.deepEqual([reason, metadata["available"]], ["OUT_OF_STOCK", "1"]);
  await stockroom.setStockPolicy({ variantId: lamp, backOrderable: true, backOrderLimit: 2n });
  t.deepEqual(await told(), [true, 3n]);
  t.is((await refusal(ada.place())).metadata["available"], "3");
  await stockroom.setStockPolicy({ variantId: lamp, backOrderable: true });
  t.deepEqual(await told(), [false, 0n]);
  await stockroom.setStockPolicy({ variantId: lamp });
  t.deepEqual(await told(), [true, 1n]);
  const updateMask = { paths: ["ships"] };
  await stockroom.updateLocation({ location: { id: locationId, ships: true }, updateMask });
  t.deepEqual(await told(), [false, 0n]);
  await ada.place();
  t.deepEqual(await shop().stock(lamp), [2, 4]);
});

test.serial("the cart follows the prices, and what is no longer on sale counts nothing", async (t) => {
  const { catalogue } = shop();
  const [lamp, cup] = [await shop().offer(1_000n), await shop().offer(2_000n)];
  const ada = await shop().customer();
  await ada.add(lamp, 2n);
  await ada.add(cup, 1n);
  catalogue.variants.delete(cup);
  const price = catalogue.variants.get(lamp)?.variant?.price;
  if (price !== undefined) price.minor = 1_500n;
  const { cart } = await ada.cart.getCart({});
  t.deepEqual(
    cart?.lines.map(({ unavailable, total }) => [unavailable, total?.minor]),
    [
      [false, 3_000n],
      [true, 0n],
    ],
  );
  t.is(cart?.total?.minor, 3_000n);
  const titles = async () => (await ada.cart.getCart({})).cart?.lines.map(({ title }) => title);
  t.deepEqual(
    [cart?.lines.map(({ title }) => title), await titles()],
    [
      ["Thing", "Thing"],
      ["Thing", "Thing"],
    ],
  );
});
