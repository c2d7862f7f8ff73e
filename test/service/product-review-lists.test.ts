import test from "ava";
import { uuidv7 } from "uuidv7";
import { ReviewState } from "#gen/souk/product/v1/review_pb.ts";
import { changeReview } from "../../services/product/reviews/change-review.ts";
import {
  listReviews,
  listReviewsForStaff,
  listReviewsOf,
} from "../../services/product/reviews/list-reviews.ts";
import { moderateReview } from "../../services/product/reviews/moderate-review.ts";
import { removeReview } from "../../services/product/reviews/remove-review.ts";
import { reportReview } from "../../services/product/reviews/report-review.ts";
import { writeReview } from "../../services/product/reviews/write-review.ts";
import { afterFile } from "../after-file.ts";
import { reasonOf } from "../refusal.ts";
import { openShop, outcomeOf, type Shop } from "./product-shop.ts";

let shop: Shop;
const file = afterFile(test);

test.before(async () => {
  shop = await openShop(file);
});

const approve = { case: "approve", value: {} } as never;
const reject = { case: "reject", value: { reason: "Too short" } } as never;

async function offer(slug: string): Promise<string> {
  await shop.import({ [slug]: {} });
  return (await shop.get(slug)).product?.id ?? "";
}

async function write(productId: string, stars: number, authorId: string = uuidv7()) {
  const words = { productId, authorName: "Ada", stars, title: `${stars}`, body: "" };
  const { review } = await writeReview(shop.db, shop.scope(), authorId, words);
  return { id: review?.id ?? "", authorId, stars };
}

const decide = (id: string, verdict: never) =>
  moderateReview(shop.db, shop.scope(), { id, verdict, etag: "" });

test("the stars of a product are counted exactly while all change at once, its own texts among them", async (t) => {
  const productId = await offer("busy");
  const written = await Promise.all(Array.from({ length: 20 }, (_, at) => write(productId, 1 + (at % 5))));
  const remove = (id: string, authorId: string) => removeReview(shop.db, shop.scope(), authorId, id);
  const fates = [
    (id: string) => decide(id, reject),
    remove,
    (id: string, authorId: string) =>
      changeReview(shop.db, shop.scope(), authorId, { id, stars: 3, title: "Now 3", body: "", etag: "" }),
  ];
  const stories = written.map(async ({ id, authorId }, at) => {
    await Promise.all([decide(id, approve), decide(id, approve)]);
    // Every second one stays as it was approved, and every fourth is approved anew.
    if (at % 2 === 1) return;
    const fate = fates[at % 3];
    await fate?.(id, authorId);
    if (at % 4 !== 0) return;
    const again = decide(id, approve);
    if (fate === remove) t.is(await reasonOf(again), "REVIEW_NOT_FOUND");
    else await again;
  });
  const titles = Array.from({ length: 10 }, (_, at) => shop.import({ busy: { title: `Busy ${at}` } }));
  await Promise.all([...stories, ...titles]);

  const { reviews, rating } = await listReviews(shop.db, {
    productId,
    stars: 0,
    pageSize: 100,
    pageToken: "",
  });
  const counted = [1, 2, 3, 4, 5].map((each) => BigInt(reviews.filter(({ stars }) => stars === each).length));
  t.true(reviews.length >= 10);
  t.deepEqual(rating?.byStars, counted);
  const { product } = await shop.get("busy");
  t.deepEqual(product?.rating, rating);
  t.regex(product?.title ?? "", /^Busy \d$/);
});

test("each list goes on from page to page in its order and takes the same few statements", async (t) => {
  const productId = await offer("read");
  const author = uuidv7();
  const ids: string[] = [];
  for (let at = 0; at < 25; at++) ids.push((await write(productId, at < 5 ? 1 : 4)).id);
  const own = [await write(productId, 2, author), await write(await offer("other"), 2, author)];
  await Promise.all(ids.map((id) => decide(id, approve)));
  await reportReview(shop.db, shop.scope(), author, ids[7] as string, "Rude");

  const page = { pageSize: 10, pageToken: "" };
  const any = { state: ReviewState.UNSPECIFIED, productId: "", reported: false, ...page };
  type Read = (pageToken: string) => Promise<{ reviews: readonly { id: string }[]; nextPageToken: string }>;
  const lists: Record<string, [Read, statements: number, expected: readonly string[]]> = {
    all: [
      (pageToken) => listReviews(shop.db, { productId, stars: 0, ...page, pageToken }),
      2,
      ids.toReversed(),
    ],
    "with one star": [
      (pageToken) => listReviews(shop.db, { productId, stars: 1, ...page, pageToken }),
      2,
      ids.slice(0, 5).toReversed(),
    ],
    "somebody's own": [
      (pageToken) => listReviewsOf(shop.db, author, { ...page, pageSize: 1, pageToken }),
      1,
      own.map(({ id }) => id).toReversed(),
    ],
    "of a product, for staff": [
      (pageToken) => listReviewsForStaff(shop.db, { ...any, productId, pageToken }),
      1,
      [...ids, own[0]?.id as string],
    ],
    "that wait": [
      (pageToken) =>
        listReviewsForStaff(shop.db, { ...any, state: ReviewState.PENDING, productId, pageToken }),
      1,
      [own[0]?.id as string],
    ],
    reported: [
      (pageToken) => listReviewsForStaff(shop.db, { ...any, reported: true, pageToken }),
      1,
      [ids[7] as string],
    ],
  };
  for (const [what, [read, statements, expected]] of Object.entries(lists)) {
    const found: string[] = [];
    let pages = 0;
    let next = "";
    const sent = await shop.countStatements(async () => {
      do {
        const { reviews, nextPageToken } = await read(next);
        found.push(...reviews.map(({ id }) => id));
        next = nextPageToken;
        pages++;
      } while (next !== "");
    });
    t.deepEqual(found, expected, what);
    t.is(sent, pages * statements, what);
  }
  const { nextPageToken: pageToken } = await listReviews(shop.db, { productId, stars: 0, ...page });
  const elsewhere = listReviews(shop.db, { productId, stars: 4, ...page, pageToken });
  t.is(await outcomeOf(elsewhere), "PAGE_TOKEN_INVALID");
});
