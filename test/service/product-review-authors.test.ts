import { create } from "@bufbuild/protobuf";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { OrderShippedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { ReviewState } from "#gen/souk/product/v1/review_pb.ts";
import { UserDeletedSchema } from "#gen/souk/user/v1/events_pb.ts";
import { eraseAuthors, forgetAuthor } from "../../services/product/reviews/forget-authors.ts";
import { listReviews, listReviewsForStaff } from "../../services/product/reviews/list-reviews.ts";
import { moderateReview } from "../../services/product/reviews/moderate-review.ts";
import { notePurchases } from "../../services/product/reviews/note-purchases.ts";
import { reportReview } from "../../services/product/reviews/report-review.ts";
import { writeReview } from "../../services/product/reviews/write-review.ts";
import { afterFile } from "../after-file.ts";
import { openShop, type Shop } from "./product-shop.ts";

let shop: Shop;
const file = afterFile(test);

test.before(async () => {
  shop = await openShop(file);
});

async function write(productId: string, authorId: string) {
  const words = { productId, authorName: "Eve", stars: 5, title: "", body: "" };
  return (await writeReview(shop.db, shop.scope(), authorId, words)).review?.id ?? "";
}

const approve = (id: string) =>
  moderateReview(shop.db, shop.scope(), { id, verdict: { case: "approve", value: {} } as never, etag: "" });

test("what was on its way when its author left is forgotten as well, and no later purchase is noted", async (t) => {
  await shop.import({ lamp: {}, chair: {} });
  const [lamp, chair] = await Promise.all(["lamp", "chair"].map(async (it) => (await shop.get(it)).product));
  const [eve, bob] = [uuidv7(), uuidv7()];
  const bobs = await write(lamp?.id ?? "", bob);
  await approve(bobs);

  const left = create(UserDeletedSchema, { userId: eve });
  await shop.db.write(shop.scope(), (tx) => forgetAuthor(left, tx));
  const late = await write(lamp?.id ?? "", eve);
  await approve(late);
  await write(chair?.id ?? "", eve);
  await reportReview(shop.db, shop.scope(), eve, bobs, "Rude");
  const order = {
    lines: [{ id: "line", variantId: lamp?.variants[0]?.id ?? "" }],
    shipments: [{ id: "all", lines: [{ lineId: "line" }] }],
  };
  for (const customerId of [eve, bob]) {
    const shipped = create(OrderShippedSchema, { customerId, shipmentId: "all", order });
    await shop.db.write(shop.scope(), (tx) => notePurchases(shipped, tx));
  }
  await eraseAuthors(shop.db, shop.scope());

  const page = { pageSize: 0, pageToken: "" };
  const shown = await listReviews(shop.db, { productId: lamp?.id ?? "", stars: 0, ...page });
  t.deepEqual(
    shown.reviews.map(({ id, author_name, author_id, verified_purchase }) => [
      id,
      author_name,
      author_id,
      verified_purchase,
    ]),
    [
      [late, "", null, false],
      [bobs, "Eve", bob, true],
    ],
  );
  const any = { state: ReviewState.UNSPECIFIED, productId: "", reported: false, ...page };
  const { reviews: all } = await listReviewsForStaff(shop.db, any);
  t.deepEqual(
    all.map(({ id, report_reasons }) => [id, report_reasons]),
    [
      [bobs, []],
      [late, []],
    ],
  );
  const bought = await shop.db.sql.selectFrom("purchase").select("customer_id").execute();
  t.deepEqual(bought, [{ customer_id: bob }]);
});
