import { ReviewService } from "#gen/souk/product/v1/review_pb.ts";
import { SoukError } from "#kit/error.ts";
import { findVariant } from "./find-variant.ts";
import { edsger, emmy, grace, hedy, katherine, type Person } from "./people.ts";
import { type Desk, signIn } from "./place-orders.ts";

/** What somebody writes about something that is for sale. */
export interface DemoReview {
  readonly sku: string;
  readonly stars: number;
  readonly title: string;
  readonly body: string;
  /** Whether staff has yet to look at it. */
  readonly waits?: true;
}

/** What those who shop here think of what they ordered, and of some that they did not. */
export const REVIEWS: ReadonlyMap<Person, readonly DemoReview[]> = new Map<Person, readonly DemoReview[]>([
  [
    grace,
    [
      {
        sku: "LMP-101-CHWH",
        stars: 5,
        title: "Bright where I need it",
        body: "It stands where I set it, and its light does not flicker.\n\nI would buy it again.",
      },
      {
        sku: "STA-103",
        stars: 4,
        title: "All twelve are sharp",
        body: "One box had a dent; the shop gave its price back.",
      },
    ],
  ],
  [
    emmy,
    [
      { sku: "CLO-103-WHI-M", stars: 3, title: "Lovely cloth, wide cut", body: "M was too wide for me." },
      { sku: "LMP-101-CHWH", stars: 4, title: "Handsome, if heavy", body: "I saw it at a friend's." },
    ],
  ],
  [
    hedy,
    [
      { sku: "AUD-106-SEA", stars: 2, title: "Mine crackled", body: "It was taken back at once, though." },
      {
        sku: "KIT-106-LAR",
        stars: 5,
        title: "Just right",
        body: "It came first, the rest is on its way.",
        waits: true,
      },
    ],
  ],
  [edsger, [{ sku: "STA-109-MEA", stars: 1, title: "Not what I meant", body: "", waits: true }]],
  [
    katherine,
    [{ sku: "LMP-107-SIRE", stars: 5, title: "Worth the long way", body: "Two weeks to Virginia." }],
  ],
]);

/**
 * Has people review what they know, and staff approve all but what shall wait. What is there already stays.
 *
 * @param desk how to call
 * @param reviews what everybody writes
 * @returns how many reviews there are
 */
export async function writeReviews(
  desk: Desk,
  reviews: ReadonlyMap<Person, readonly DemoReview[]>,
): Promise<number> {
  let written = 0;
  for (const [person, own] of reviews) {
    const customer = await signIn(desk, person);
    for (const { sku, waits, ...words } of own) {
      const { productId } = await findVariant(desk.staff, sku);
      const authorName = `${person.firstName} ${person.lastName.slice(0, 1)}.`;
      const id = await customer
        .mesh(ReviewService)
        .createReview({ productId, authorName, ...words })
        .then(({ review }) => review?.id ?? "", idOfExisting);
      if (!waits)
        await desk.staff.mesh(ReviewService).moderateReview({ id, verdict: { case: "approve", value: {} } });
      written++;
    }
  }
  return written;
}

function idOfExisting(error: unknown): string {
  if (error instanceof SoukError && error.reason === "REVIEW_EXISTS")
    return error.metadata["review_id"] ?? "";
  throw error;
}
