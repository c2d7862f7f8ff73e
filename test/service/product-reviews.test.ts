import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import test from "ava";
import { pino } from "pino";
import { uuidv7 } from "uuidv7";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { OrderShippedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { ProductAdminService } from "#gen/souk/product/v1/product_admin_pb.ts";
import { type Product, ProductService } from "#gen/souk/product/v1/product_pb.ts";
import { type Review, ReviewService, ReviewState } from "#gen/souk/product/v1/review_pb.ts";
import { UserDeletedSchema } from "#gen/souk/user/v1/events_pb.ts";
import { openDatabase } from "#kit/data/database.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import { auth } from "../../services/auth/service.ts";
import { entities } from "../../services/product/entities.ts";
import { migrations } from "../../services/product/migrations/index.ts";
import { product } from "../../services/product/service.ts";
import { afterFile } from "../after-file.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import { reasonOf, refusal } from "../refusal.ts";

/** Somebody with an account. */
interface Customer {
  readonly id: string;
  readonly reviews: MeshClient<typeof ReviewService>;
}

let mesh: TestMesh;
let ada: Customer;
let bob: Customer;
let tell: <D extends DescMessage>(schema: D, event: MessageInitShape<D>) => Promise<void>;
const file = afterFile(test);

test.before(async () => {
  mesh = await startTestMesh(file, [auth, product]);
  [ada, bob] = await Promise.all([register(), register()]);
  const log = pino({ level: "silent" });
  const url = mesh.env["PRODUCT_DATABASE_URL"] as string;
  const db = openDatabase({ url, entities, migrations, poolSize: 1, applicationName: "test", log });
  file.teardown(() => db.close());
  const scopes = rootScopes(log, () => assert.fail("nobody is called"));
  // The relay publishes whatever is in the outbox: so others tell product of what happened.
  tell = (schema, event) => db.write(scopes({ timeoutMs: 5_000 }), async (tx) => tx.emit(schema, event));
});

const shopper = () => mesh.withToken(ReviewService, "");
const staff = () => mesh.as(ReviewService);
const approve = { verdict: { case: "approve", value: {} } } as const;
const reject = (reason: string) => ({ verdict: { case: "reject", value: { reason } } }) as const;
const WORDS = { authorName: "Ada L.", stars: 5, title: "Bright as day", body: "I read at night again." };

async function register(): Promise<Customer> {
  const account = { email: `${randomUUID()}@example.com`, password: "correct horse battery" };
  const nobody = mesh.withToken(AuthService, "");
  const { user, tokens } = await nobody.register({ ...account, firstName: "Ada", lastName: "Lovelace" });
  return { id: user?.id ?? "", reviews: mesh.withToken(ReviewService, tokens?.accessToken ?? "") };
}

async function offer(slug: string): Promise<Product> {
  const variants = [{ sku: slug, price: { minor: 100n, currency: "EUR" } }];
  const { product: made } = await mesh
    .as(ProductAdminService)
    .createProduct({ product: { slug, title: slug, variants } });
  const { product: offered } = await mesh.as(ProductAdminService).publishProduct({ id: made?.id ?? "" });
  return offered as Product;
}

async function write(by: Customer, productId: string, words: Partial<typeof WORDS> = {}): Promise<Review> {
  const { review } = await by.reviews.createReview({ productId, ...WORDS, ...words });
  return review as Review;
}

const mine = async ({ reviews }: Customer, id: string) =>
  (await reviews.listMyReviews({ pageSize: 100 })).reviews.find((it) => it.id === id);

test("shoppers see a review while it is approved, and its stars wherever they see the product", async (t) => {
  const { id: productId, slug } = await offer("lamp");
  const catalogue = mesh.withToken(ProductService, "");
  const seen = async () => {
    const [one, many, found, { reviews, rating }] = await Promise.all([
      catalogue.getProduct({ by: { case: "slug", value: slug } }),
      catalogue.listProducts({ pageSize: 100 }),
      catalogue.searchProducts({ query: slug }),
      shopper().listReviews({ productId }),
    ]);
    const listed = many.products.find(({ id }) => id === productId);
    for (const shown of [listed?.rating, found.products[0]?.rating, rating])
      t.deepEqual(shown, one.product?.rating);
    return [reviews.map(({ title }) => title), rating?.byStars, rating?.averageStars];
  };
  const nothing = [[], undefined, undefined];
  t.deepEqual(await seen(), nothing);

  const { id, ...written } = await write(ada, productId);
  t.like(written, { ...WORDS, productId, state: ReviewState.PENDING, verifiedPurchase: false });
  t.deepEqual(await seen(), nothing, "it waits for approval");
  t.is((await staff().moderateReview({ id, ...approve })).review?.state, ReviewState.APPROVED);
  t.deepEqual(await seen(), [["Bright as day"], [0n, 0n, 0n, 0n, 1n], 5]);

  const said = { id, stars: 5, title: "Bright as day", body: ` ${WORDS.body}\r\n` };
  t.is((await ada.reviews.updateMyReview(said)).review?.state, ReviewState.APPROVED, "it says the same");
  const { review: changed } = await ada.reviews.updateMyReview({ ...said, stars: 2, title: "Dim as dusk" });
  t.is(changed?.state, ReviewState.PENDING);
  t.deepEqual(await seen(), nothing);
  await staff().moderateReview({ id, ...approve });
  const { id: bobs } = await write(bob, productId, { stars: 5 });
  await staff().moderateReview({ id: bobs, ...approve });
  t.deepEqual(await seen(), [["Bright as day", "Dim as dusk"], [0n, 1n, 0n, 0n, 1n], 3.5]);

  await staff().moderateReview({ id: bobs, ...reject("It is not about the lamp.") });
  t.deepEqual(await seen(), [["Dim as dusk"], [0n, 1n, 0n, 0n, 0n], 2]);
  t.like(await mine(bob, bobs), { state: ReviewState.REJECTED, rejectReason: "It is not about the lamp." });
  for (const _ of [1, 2]) await ada.reviews.deleteMyReview({ id });
  t.deepEqual(await seen(), nothing);

  await mesh.as(ProductAdminService).archiveProduct({ id: productId });
  t.is(await reasonOf(shopper().listReviews({ productId })), "PRODUCT_NOT_FOUND");
  t.is(await reasonOf(write(ada, productId)), "PRODUCT_NOT_FOUND");
});

test("of 50 reviews of a product by somebody at once one is kept, and one key has one answer", async (t) => {
  const [{ id: first }, { id: second }] = await Promise.all([offer("chair"), offer("desk")]);
  const calls = await Promise.allSettled(Array.from({ length: 50 }, () => write(ada, first)));
  const kept = calls.filter((it) => it.status === "fulfilled");
  t.is(kept.length, 1);
  const id = kept[0]?.value.id;
  for (const call of calls) {
    if (call.status === "rejected")
      t.like(call.reason, { reason: "REVIEW_EXISTS", metadata: { review_id: id, product_id: first } });
  }
  const key = { idempotencyKey: randomUUID() };
  const same = await Promise.all(
    Array.from({ length: 50 }, () => ada.reviews.createReview({ productId: second, ...WORDS }, key)),
  );
  t.is(new Set(same.map(({ review }) => review?.id)).size, 1);
});

test("a purchase is known once it is sent, whether the review or the parcel came first", async (t) => {
  const goods = await Promise.all([offer("cup"), offer("plate"), offer("bowl")]);
  const [cup, plate, bowl] = goods.map((it) => it.id) as [string, string, string];
  const early = await write(ada, cup);
  const order = {
    lines: goods.map(({ slug, variants }) => ({ id: slug, variantId: variants[0]?.id ?? "" })),
    shipments: [
      { id: "first", lines: [{ lineId: "cup" }, { lineId: "plate" }] },
      { id: "second", lines: [{ lineId: "bowl" }] },
    ],
  };
  const sent = { orderId: uuidv7(), customerId: ada.id, shipmentId: "first", order };
  await tell(OrderShippedSchema, { ...sent, customerId: "", shipmentId: "second" });
  await tell(OrderShippedSchema, sent);
  await eventually(async () => assert((await mine(ada, early.id))?.verifiedPurchase));
  t.true((await write(ada, plate)).verifiedPurchase);
  t.false((await write(ada, bowl)).verifiedPurchase, "it is not sent yet");
  t.false((await write(bob, cup)).verifiedPurchase);
});

test("each reports a review once, staff reads why, and what it decided on is settled", async (t) => {
  const { id: productId } = await offer("sofa");
  const { id, etag } = await write(ada, productId);
  const report = ({ reviews }: Customer, reason: string) => reviews.reportReview({ id, reason });
  const reported = async () => {
    const { reviews } = await staff().listReviewsForStaff({ productId, reported: true });
    return reviews.map(({ reports, reportReasons }) => [reports, reportReasons]);
  };
  t.is(
    await reasonOf(report(bob, "Rude to the maker")),
    "REVIEW_NOT_FOUND",
    "nobody but its author and staff sees it yet",
  );
  const { review: approved } = await staff().moderateReview({ id, ...approve });
  await Promise.all(Array.from({ length: 10 }, () => report(bob, "Rude to the maker")));
  await report(ada, "I regret it");
  t.deepEqual(await reported(), [[2, ["I regret it", "Rude to the maker"]]]);
  const [{ reviews: shown }, own] = await Promise.all([shopper().listReviews({ productId }), mine(ada, id)]);
  for (const it of [shown[0], own]) t.like(it, { reports: 0, reportReasons: [], etag: approved?.etag });

  const blank = await refusal(report(ada, " \u3164\u200B "));
  t.is(blank.reason, "INVALID_REQUEST");
  t.regex(blank.message, /reason/);
  const unread = staff().moderateReview({ id, ...approve, etag });
  t.is(await reasonOf(unread), "ETAG_MISMATCH", "what was reported since is not settled unread");
  t.is((await reported()).length, 1);
  await staff().moderateReview({ id, ...approve });
  await report(bob, "Rude all the same");
  t.deepEqual(await reported(), []);
  await ada.reviews.updateMyReview({ id, stars: 1, title: "Worse each day", body: "" });
  await staff().moderateReview({ id, ...approve });
  await report(bob, "Ruder than before");
  t.deepEqual(await reported(), [[1, ["Ruder than before"]]], "of what it says now");
});

test("nobody changes a review of somebody else, nor approves or changes what they have not read", async (t) => {
  const { id: productId } = await offer("shelf");
  const { id, etag } = await write(ada, productId);
  const change = { id, stars: 1, title: "", body: "" };
  t.is(await reasonOf(bob.reviews.updateMyReview(change)), "REVIEW_NOT_FOUND");
  await bob.reviews.deleteMyReview({ id });
  t.is((await mine(ada, id))?.title, "Bright as day");
  t.is(await mine(bob, id), undefined);

  const [, { review: latest }] = [
    await ada.reviews.updateMyReview({ ...change, title: "Higher than I thought", etag }),
    await ada.reviews.updateMyReview({ ...change, title: "Lower than I thought" }),
  ];
  t.is(
    await reasonOf(ada.reviews.updateMyReview({ ...change, title: "As high as I thought", etag })),
    "ETAG_MISMATCH",
  );
  t.is(await reasonOf(staff().moderateReview({ id, ...approve, etag })), "ETAG_MISMATCH");
  for (const _ of ["asked", "and repeated"]) {
    const { review } = await staff().moderateReview({ id, ...approve, etag: latest?.etag ?? "" });
    t.like(review, { title: "Lower than I thought", state: ReviewState.APPROVED });
  }
  t.is(await reasonOf(staff().moderateReview({ id: uuidv7(), ...approve })), "REVIEW_NOT_FOUND");
});

test("a review is plain text that can be seen", async (t) => {
  const { id: productId } = await offer("rug");
  for (const authorName of [" \u200B\u202E ", "\u3164", "\u2800\uFFA0"]) {
    const nobody = await refusal(write(ada, productId, { authorName }));
    t.is(nobody.reason, "INVALID_REQUEST");
    t.regex(nobody.message, /author_name/);
  }
  const typed = {
    authorName: " Ada\u202E\n L. ",
    title: "So\tsoft\r\n<b>",
    body: "\uFEFFI <3 it\u0007\r\n\r\n \t\r\n\u200B\u2800\r\n\r\nUnd wie! 👩‍👩‍👧\r\n",
  };
  t.like(await write(ada, productId, typed), {
    authorName: "Ada L.",
    title: "So soft <b>",
    body: "I <3 it\n\nUnd wie! 👩‍👩‍👧",
  });
});

test("who has left is forgotten: what shoppers see stays without a name, the rest goes", async (t) => {
  const [kept, gone] = await Promise.all([offer("vase"), offer("pot")]);
  const eve = await register();
  const shown = await write(eve, kept.id);
  await staff().moderateReview({ id: shown.id, ...approve });
  await write(eve, gone.id);
  const line = { id: "line", variantId: kept.variants[0]?.id ?? "" };
  const order = { lines: [line], shipments: [{ id: "all", lines: [{ lineId: "line" }] }] };
  await tell(OrderShippedSchema, { orderId: uuidv7(), customerId: eve.id, shipmentId: "all", order });
  await eventually(async () => assert((await mine(eve, shown.id))?.verifiedPurchase));
  await tell(UserDeletedSchema, { userId: eve.id });
  await eventually(async () => {
    const { reviews, rating } = await shopper().listReviews({ productId: kept.id });
    assert.equal(reviews[0]?.authorName, "");
    t.like(reviews[0], { id: shown.id, body: WORDS.body, verifiedPurchase: true });
    t.is(rating?.reviews, 1n);
  });
  t.deepEqual((await staff().listReviewsForStaff({ productId: gone.id })).reviews, []);
});
