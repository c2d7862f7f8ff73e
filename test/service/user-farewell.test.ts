import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { crc32, inflateRawSync } from "node:zlib";
import test from "ava";
import { AccessService } from "#gen/souk/auth/v1/access_pb.ts";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { Channel } from "#gen/souk/notification/v1/preference_pb.ts";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { type Order, OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { StoreCreditService } from "#gen/souk/payment/v1/store_credit_pb.ts";
import { ProductAdminService } from "#gen/souk/product/v1/product_admin_pb.ts";
import { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import { ReviewService } from "#gen/souk/product/v1/review_pb.ts";
import { UserService } from "#gen/souk/user/v1/user_pb.ts";
import { Code } from "#kit/error.ts";
import { pickFreePort } from "../../deploy/local/ports.ts";
import { servicePrograms } from "../../deploy/local/service-programs.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import { reasonOf, refusal } from "../refusal.ts";
import { connectPool } from "./auth-tables.ts";
import { openMailbox, type TestMailbox } from "./notification-post.ts";
import { type Customer, putOnSale } from "./shop-belongings.ts";

const PASSWORD = "correct horse battery";
const BILLING = {
  name: "Quux Holding",
  line1: "5 Invoice Lane",
  city: "Kiel",
  postalCode: "24103",
  countryCode: "DE",
  phone: "+49 431 5550123",
};
const NO_NEWS_OF_PARCELS = { topic: "order-shipped", channel: Channel.EMAIL, enabled: false };
const once = () => ({ idempotencyKey: randomUUID() });

let mesh: TestMesh;
let mailbox: TestMailbox;
let variantId = "";
const databases: Record<string, ReturnType<typeof connectPool>> = {};
const closing: (() => Promise<void>)[] = [];

test.before(async () => {
  const t = { teardown: (work: () => Promise<void>) => void closing.unshift(work) };
  mailbox = await openMailbox(t);
  const env = { NOTIFICATION_SMTP_URL: mailbox.smtpUrl, SOUK_ACCESS_POLL_MS: "50", ...(await bySocket()) };
  mesh = await startTestMesh(t, servicePrograms, { env });
  variantId = await putOnSale(mesh);
  for (const { name } of servicePrograms) {
    databases[name] = connectPool(t, mesh.env[`${name.toUpperCase()}_DATABASE_URL`] as string);
  }
});

test.after.always(async () => {
  for (const close of closing) await close();
});

/** Settings under which services ask each other over sockets, which bear messages of a limited size. */
async function bySocket(): Promise<Record<string, string>> {
  const env: Record<string, string> = { SOUK_DATA_PLANE: "direct" };
  const places: string[] = [];
  for (const { name } of servicePrograms) {
    const port = await pickFreePort();
    env[`${name.toUpperCase()}_PORT`] = String(port);
    places.push(`${name}=127.0.0.1:${port}`);
  }
  return { ...env, SOUK_MESH_DIRECTORY: places.join() };
}

/** Somebody with a profile and an address. */
interface Shopper {
  readonly id: string;
  /** Stands in all that is told of them, but for where invoices go. */
  readonly mark: string;
  readonly email: string;
  readonly as: Customer;
  readonly refreshToken: string;
}

async function shopper(mark = `q${randomBytes(6).toString("hex")}`): Promise<Shopper> {
  const email = `${mark}@example.com`;
  const registration = { email, password: PASSWORD, firstName: mark, lastName: "Quux" };
  const { user, tokens } = await mesh.withToken(AuthService, "").register(registration);
  const as: Customer = (service) => mesh.withToken(service, tokens?.accessToken ?? "");
  await eventually(() => as(UserService).getMe({}));
  await as(UserService).createMyAddress({ address: addressOf(mark) });
  return { id: user?.id ?? "", mark, email, as, refreshToken: tokens?.refreshToken ?? "" };
}

const addressOf = (mark: string) => ({
  ...BILLING,
  name: `${mark} Quux`,
  line1: `${mark} Row`,
  phone: `${mark} 7`,
});

async function order({ as, mark }: Shopper): Promise<Order> {
  await as(CartService).addItem({ variantId, quantity: 2n, note: `For ${mark}` });
  const { order } = await as(CheckoutService).placeOrder(
    {
      shippingAddress: addressOf(mark),
      billingAddress: BILLING,
      shippingMethod: "standard",
      payment: { token: "tok_visa" },
    },
    once(),
  );
  return order as Order;
}

async function deliver({ id: orderId }: Order, { mark }: Shopper): Promise<void> {
  const staff = mesh.as(OrderService);
  const sending = { orderId, carrier: "DHL", trackingNumber: `${mark}1` };
  const { shipment } = await staff.shipOrder(sending, once());
  await staff.addOrderNote({ orderId, text: `${mark} rang twice`, visibleToCustomer: true });
  await staff.markShipmentDelivered({ id: shipment?.id ?? "" });
}

/** Has somebody review what is for sale, for everybody to see. */
async function review({ as, mark }: Shopper): Promise<string> {
  const { products } = await as(ProductService).listProducts({});
  const written = { productId: products[0]?.id ?? "", authorName: mark, stars: 5 };
  const { review: made } = await as(ReviewService).createReview(written);
  const verdict = { case: "approve", value: {} } as const;
  await mesh.as(ReviewService).moderateReview({ id: made?.id ?? "", verdict });
  return made?.productId ?? "";
}

async function export_(as: Customer): Promise<Record<string, unknown>> {
  const chunks: Uint8Array[] = [];
  for await (const { chunk } of as(UserService).exportMyData({})) chunks.push(chunk);
  return unzip(Buffer.concat(chunks));
}

/** Reads an archive by its directory, as APPNOTE 6.3.10 has it, and checks each file in it. */
function unzip(bytes: Buffer): Record<string, unknown> {
  const end = bytes.length - 22;
  assert.equal(bytes.readUInt32LE(end), 0x06054b50);
  let at = bytes.readUInt32LE(end + 16);
  const files: Record<string, unknown> = {};
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    assert.equal(bytes.readUInt32LE(at), 0x02014b50);
    const [crc = 0, packed = 0, unpacked = 0] = [16, 20, 24].map((field) => bytes.readUInt32LE(at + field));
    const nameLength = bytes.readUInt16LE(at + 28);
    const name = bytes.toString("utf8", at + 46, at + 46 + nameLength);
    const header = bytes.readUInt32LE(at + 42);
    const begin = header + 30 + nameLength + bytes.readUInt16LE(header + 28);
    const content = inflateRawSync(bytes.subarray(begin, begin + packed));
    assert.deepEqual([content.length, crc32(content)], [unpacked, crc], name);
    files[name] = JSON.parse(content.toString());
    at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return files;
}

const farewell = ({ email }: Shopper) => ({ confirmEmail: email.toUpperCase(), forfeitStoreCredit: false });

/**
 * Every row of every table of every service that tells of somebody, in letters or in bytes, but for the answers under
 * idempotency keys, which stay for a day.
 */
async function tracesOf(mark: string): Promise<string[]> {
  const inBytes = Buffer.from(mark).toString("hex");
  const found = await Promise.all(
    Object.entries(databases).map(async ([name, run]) => {
      const tables = await run(
        `select format('%I.%I', schemaname, tablename) as t from pg_tables
         where schemaname !~ '^pg_|^information_' and (schemaname, tablename) <> ('mesh', 'idempotency')`,
      );
      const tells = tables
        .map(({ t }) => `select '${name} ${t}: ' || t::text as row from ${t} t`)
        .join(" union all ");
      return run(`select row from (${tells}) where row ilike any ($1)`, [[`%${mark}%`, `%${inBytes}%`]]);
    }),
  );
  return found.flat().map(({ row }) => String(row));
}

/** What notification keeps of what somebody wants to be told. */
async function preferencesOf({ id }: Shopper) {
  return databases["notification"]?.("select version from preferences where user_id = $1", [id]);
}

test("nobody is deleted by mistake, as staff, or while something is open", async (t) => {
  const ada = await shopper();
  const me = ada.as(UserService);
  const typo = await refusal(me.deleteMe({ confirmEmail: "ada@example.com" }));
  t.is(typo.reason, "EMAIL_NOT_CONFIRMED");
  t.regex(typo.message, /confirm_email/);

  const { id, number } = await order(ada);
  const open = await refusal(me.deleteMe(farewell(ada)));
  t.is(open.reason, "ORDERS_OPEN");
  t.deepEqual(open.metadata, { count: "1", newest_number: number });
  await ada.as(OrderService).cancelOrder({ id });

  const given = { accountId: ada.id, amount: { minor: 500n, currency: "EUR" }, reason: "Sorry" };
  await mesh.as(StoreCreditService).adjustStoreCredit(given, once());
  const left = await refusal(me.deleteMe(farewell(ada)));
  t.is(left.reason, "STORE_CREDIT_LEFT");
  t.deepEqual(left.metadata, { EUR: "500" });

  await mesh.as(AccessService).grantRole({ accountId: ada.id, role: "support" });
  await eventually(async () => {
    assert.equal(await reasonOf(me.deleteMe(farewell(ada))), "ACCOUNT_OF_STAFF");
  });
  t.is((await me.getMe({})).profile?.email, ada.email, "nothing was changed");
});

test("who asks is forgotten by every service, but for what an invoice must show", async (t) => {
  const ada = await shopper();
  const bob = await shopper();
  const bought = await order(ada);
  await deliver(bought, ada);
  await review(ada);
  const cancelled = await order(ada);
  await ada.as(OrderService).cancelOrder({ id: cancelled.id, reason: `${ada.mark} changed his mind` });
  await ada.as(CartService).addItem({ variantId, quantity: 1n, note: `For ${ada.mark}` });
  const given = { accountId: ada.id, amount: { minor: 500n, currency: "EUR" }, reason: "Sorry" };
  await mesh.as(StoreCreditService).adjustStoreCredit(given, once());
  await order(bob);
  await ada.as(NotificationService).updateMyPreferences({ preferences: [NO_NEWS_OF_PARCELS] });
  t.true((await tracesOf(ada.mark)).length > 10, "there is something to erase");

  const request = { ...farewell(ada), forfeitStoreCredit: true };
  await Promise.all([ada.as(UserService).deleteMe(request), ada.as(UserService).deleteMe(request)]);
  const late = await reasonOf(ada.as(UserService).createMyAddress({ address: addressOf(ada.mark) }));
  t.regex(late, /^(USER_NOT_FOUND|TOKEN_INVALID)$/);

  const nobody = mesh.withToken(AuthService, "");
  await eventually(async () => {
    const login = { email: ada.email, password: PASSWORD };
    assert.equal(await reasonOf(nobody.login(login)), "CREDENTIALS_INVALID");
    assert.equal(await reasonOf(nobody.refresh({ refreshToken: ada.refreshToken })), "REFRESH_TOKEN_INVALID");
    assert.equal(await reasonOf(ada.as(OrderService).listMyOrders({})), "TOKEN_INVALID");
    assert.equal(await reasonOf(ada.as(UserService).getMe({})), "TOKEN_INVALID");
  });
  await eventually(async () => {
    const [last, ...earlier] = await mailbox.mailsTo(ada.email);
    assert.equal(last?.subject, "Your account at Souk is closed");
    assert.ok(
      earlier.every(({ subject }) => subject !== last?.subject),
      "it is told once",
    );
  });

  // Staff still looks after what was bought, and nobody is told of it any more.
  const staff = mesh.as(OrderService);
  await staff.refundOrder(
    { orderId: bought.id, amount: { minor: 100n, currency: "EUR" }, reason: "Late" },
    once(),
  );
  await eventually(async () => {
    const { balances } = await mesh.as(StoreCreditService).getStoreCredit({ accountId: ada.id });
    assert.deepEqual(
      balances.filter(({ minor }) => minor !== 0n),
      [],
    );
    assert.deepEqual(await tracesOf(ada.mark), []);
    assert.deepEqual(await preferencesOf(ada), []);
  });

  const credited = { orderId: bought.id, toStoreCredit: true, reason: "Late" };
  t.like(await refusal(staff.refundOrder(credited, once())), {
    reason: "REFUND_REFUSED",
    metadata: { payment_reason: "CUSTOMER_MISSING" },
  });
  const { order: kept } = await staff.getOrderForStaff({ id: bought.id });
  t.like(kept, { number: bought.number, email: "", customerId: ada.id, total: bought.total });
  t.like(kept?.billingAddress, { name: "Quux Holding", line1: "5 Invoice Lane", phone: "" });
  t.like(kept?.shippingAddress, { name: "", line1: "", postalCode: "", countryCode: "DE", phone: "" });
  t.deepEqual(
    kept?.lines.map(({ note, quantity }) => [note, quantity]),
    [["", 2n]],
  );
  t.is(kept?.shipments[0]?.trackingNumber, "");
  await mesh.as(AccessService).grantRole({ accountId: bob.id, role: "support" });
  await eventually(async () => {
    const { pdf } = await bob.as(OrderService).getInvoice({ orderId: bought.id });
    assert.ok(pdf.length > 0, "the invoice is printed as before");
  });
  const { order: uninvoiced } = await staff.getOrderForStaff({ id: cancelled.id });
  t.like(uninvoiced, { email: "", cancelReason: "", total: cancelled.total });
  t.is(uninvoiced?.billingAddress, undefined);
  const { user } = await mesh.as(UserService).getUser({ id: ada.id });
  t.like(user, { id: ada.id, email: "", firstName: "" });
  t.truthy(user?.deleteTime);

  const anew = await shopper(ada.mark);
  t.not(anew.id, ada.id, "the address is free for a new account");
  t.deepEqual((await anew.as(OrderService).listMyOrders({})).orders, []);
  t.like((await bob.as(OrderService).listMyOrders({})).orders, [{ email: bob.email }]);
  t.is((await bob.as(UserService).listMyAddresses({})).addresses.length, 1);
});

test("an export holds what every service knows of who asks, in pieces that make an archive", async (t) => {
  const ada = await shopper();
  const stranger = await shopper();
  await order(stranger);
  const placed: Order[] = [];
  for (let count = 0; count < 3; count++) placed.push(await order(ada));
  await ada.as(CartService).addItem({ variantId, quantity: 1n });
  await mesh.as(OrderService).addOrderNote({ orderId: placed[0]?.id ?? "", text: "Rang twice" });
  await review(ada);
  const updateMask = { paths: ["staff_note"] };
  await mesh.as(UserService).updateUser({ user: { id: ada.id, staffNote: "Pays on time" }, updateMask });
  await eventually(async () => {
    const { notifications } = await ada.as(NotificationService).listMyNotifications({});
    assert.equal(notifications.length, 4);
  });
  await ada.as(NotificationService).updateMyPreferences({ preferences: [NO_NEWS_OF_PARCELS] });

  const { reviews } = await ada.as(ReviewService).listReviews({ productId: await review(stranger) });
  const reason = "Praises a stranger";
  await ada.as(ReviewService).reportReview({ id: reviews[0]?.id ?? "", reason });
  await stranger.as(ReviewService).reportReview({ id: reviews.at(-1)?.id ?? "", reason: "Mine is better" });
  const door = mesh.withToken(AuthService, "");
  const { tokens } = await door.login({ email: ada.email, password: PASSWORD });
  await door.logout({ refreshToken: tokens?.refreshToken ?? "" });
  await stranger.as(AuthService).logoutEverywhere({});
  const signedIn = { method: "souk.auth.v1.AuthService/Login", objectId: ada.id };
  await eventually(async () => {
    const { records } = await ada.as(AuthService).listMyActivity({});
    assert.partialDeepStrictEqual(
      records.find(({ method }) => method === signedIn.method),
      signedIn,
    );
  });

  const files = await export_(ada.as);
  t.like(files, {
    "profile.json": { id: ada.id, email: ada.email, firstName: ada.mark, staffNote: "Pays on time" },
    "addresses.json": [{ default: true }],
    "sign-in.json": { hasPassword: true },
    "sessions.json": [{ current: true }],
    "api-keys.json": [],
    "order-notes.json": [{ text: "Rang twice" }],
    "store-credit.json": [],
    "store-credit-entries.json": [],
    "reviews.json": [{ authorName: ada.mark, stars: 5 }],
    "review-reports.json": [{ reviewId: reviews[0]?.id, reason }],
  });
  const orders = files["orders.json"] as { id: string }[];
  t.deepEqual(
    orders.map(({ id }) => id),
    placed.map(({ id }) => id).reverse(),
  );
  t.is((files["cart.json"] as { lines: unknown[] }).lines.length, 1);
  t.is((files["notifications.json"] as unknown[]).length, 4);
  const { preferences } = files["preferences.json"] as { preferences: { topic: string }[] };
  t.deepEqual(
    preferences.filter(({ topic }) => topic === "order-shipped"),
    [
      { topic: "order-shipped", channel: "CHANNEL_SHOP", enabled: true },
      { topic: "order-shipped", channel: "CHANNEL_EMAIL" },
    ],
  );
  const [ended, ...others] = files["ended-sessions.json"] as { endTime?: string }[];
  t.deepEqual(others, []);
  t.truthy(ended?.endTime);
  const activity = files["activity.json"] as { method: string; accountId?: string; objectId?: string }[];
  for (const method of ["CheckoutService/PlaceOrder", "AuthService/Register", "AuthService/Login"]) {
    t.true(
      activity.some((it) => it.method.endsWith(`.${method}`)),
      method,
    );
  }
  t.true(
    activity.every(({ accountId, objectId }) => accountId === ada.id || (!accountId && objectId === ada.id)),
  );
  t.false(JSON.stringify(files).includes(stranger.email));
});

test("an export holds orders that are too large for one message together", async (t) => {
  const ada = await shopper();
  const { id } = await order(ada);
  const run = databases["order"] as ReturnType<typeof connectPool>;
  await run(
    `insert into orders select (jsonb_populate_record(o, jsonb_build_object('id', gen_random_uuid(), 'number', gen_random_uuid()))).*
     from orders o, generate_series(1, 20) where id = $1`,
    [id],
  );
  await run(
    `insert into order_line select (jsonb_populate_record(l, jsonb_build_object('id', gen_random_uuid(),
       'order_id', o.id, 'position', line, 'note', repeat('🪔', 500)))).*
     from order_line l, orders o, generate_series(0, 99) as line where l.order_id = $1 and o.customer_id = $2 and o.id <> $1`,
    [id, ada.id],
  );
  const orders = (await export_(ada.as))["orders.json"] as { lines: unknown[] }[];
  t.deepEqual(orders.map(({ lines }) => lines.length).sort(), [1, ...Array.from({ length: 20 }, () => 100)]);
});

test("the groups that staff puts a customer in decide about prices, from the cart to the order", async (t) => {
  const ada = await shopper();
  const eur = (minor: bigint, customerGroup = "") => ({ price: { minor, currency: "EUR" }, customerGroup });
  await mesh
    .as(ProductAdminService)
    .setVariantPrices({ variantId, prices: [eur(6_000n), eur(4_000n, "trade")] });
  const { cart } = await ada.as(CartService).addItem({ variantId, quantity: 1n });
  t.is(cart?.subtotal?.minor, 6_000n);
  const updateMask = { paths: ["customer_groups"] };
  const put = (customerGroups: string[]) =>
    mesh.as(UserService).updateUser({ user: { id: ada.id, customerGroups }, updateMask });
  await put(["trade"]);
  await eventually(async () => {
    assert.equal((await ada.as(CartService).getCart({})).cart?.subtotal?.minor, 4_000n);
  });
  t.is((await order(ada)).subtotal?.minor, 12_000n);
  // The cart that was a guest's until she signed in is priced for her, and still not for others who have its token.
  const nobody = mesh.withToken(CartService, "");
  const { cartToken } = await nobody.createGuestCart({});
  const added = await ada.as(CartService).addItem({ cartToken, variantId, quantity: 1n });
  t.is(added.cart?.subtotal?.minor, 4_000n);
  t.is((await nobody.getCart({ cartToken })).cart?.subtotal?.minor, 6_000n);
  const delivery = { cartToken, shippingAddress: addressOf(ada.mark), shippingMethod: "standard" };
  const { quotes } = await ada.as(CheckoutService).getQuote(delivery);
  t.is(quotes[0]?.subtotal?.minor, 4_000n);
  const placing = { ...delivery, payment: { token: "tok_visa" } };
  const placed = await ada.as(CheckoutService).placeOrder(placing, once());
  t.is(placed.order?.subtotal?.minor, 4_000n);
  await put([]);
  await ada.as(CartService).addItem({ variantId, quantity: 1n });
  await eventually(async () => {
    assert.equal((await ada.as(CartService).getCart({})).cart?.subtotal?.minor, 6_000n);
  });
});

test("who watches is told nothing more once the session has ended", async (t) => {
  const ada = await shopper();
  const watching = ada.as(NotificationService).watchMyNotifications({})[Symbol.asyncIterator]();
  const first = watching.next();
  // What comes before the stream is open it does not tell; some later order does.
  await eventually(async () => {
    await order(ada);
    await Promise.race([first, setTimeout(500).then(() => assert.fail("nothing is told yet"))]);
  });
  await ada.as(AuthService).logout({ refreshToken: ada.refreshToken });
  const drain = async () => {
    for await (const _ of { [Symbol.asyncIterator]: () => watching });
  };
  const error = await refusal(drain());
  t.deepEqual([error.code, error.reason], [Code.UNAUTHENTICATED, "TOKEN_INVALID"]);
});
