import { ReturnReason } from "#gen/souk/order/v1/return_pb.ts";
import {
  add,
  approve,
  arrive,
  askToReturn,
  cancel,
  exchange,
  giveBack,
  leaveOut,
  reject,
  type Step,
  send,
  takeBack,
} from "./order-steps.ts";
import { edsger, emmy, grace, hedy, katherine, type Person } from "./people.ts";

/** An order and what becomes of it. */
export interface OrderStory {
  /** How many of which SKU. */
  readonly lines: readonly (readonly [sku: string, quantity: number])[];
  /** The shop's main one when left out. */
  readonly currency?: string;
  readonly coupon?: string;
  /** "standard" when left out. */
  readonly shippingMethod?: string;
  /** What pays; a card that is good when left out. */
  readonly token?: string;
  /** The reason with which it is refused, where it is. */
  readonly refusal?: string;
  readonly steps: readonly Step[];
}

/**
 * What those who shop here ordered, the oldest order first: together in every state that an order stays in. It is
 * really ordered, sent and sent back, and one is edited and one exchanged; a state that is new gets a story here.
 */
export const STORIES: ReadonlyMap<Person, readonly OrderStory[]> = new Map<Person, readonly OrderStory[]>([
  [
    grace,
    [
      {
        lines: [
          ["LMP-101-CHWH", 1],
          ["STA-103", 3],
        ],
        coupon: "WELCOME10",
        steps: [send(1, [1]), arrive(1), send(2), arrive(2), giveBack(1, [0, 1], "A box was dented")],
      },
      { lines: [["BTH-107", 1]], shippingMethod: "express", token: "tok_mastercard", steps: [] },
      { lines: [["TOY-109-35-CRE", 1]], shippingMethod: "pick-up", steps: [] },
    ],
  ],
  [
    emmy,
    [
      { lines: [["GAR-106-LAR", 1]], steps: [cancel("Found one in the shed")] },
      {
        lines: [["CLO-103-WHI-M", 2]],
        steps: [send(1), arrive(1), askToReturn([1], ReturnReason.WRONG_SIZE, "M is too wide, L would do.")],
      },
      { lines: [["KIT-112-6", 1]], steps: [add("KIT-106-LAR", "She called: a chopping board, too")] },
    ],
  ],
  [
    hedy,
    [
      {
        lines: [["AUD-106-SEA", 1]],
        steps: [send(1), arrive(1), askToReturn([1], ReturnReason.DEFECTIVE), approve, takeBack],
      },
      {
        lines: [
          ["KIT-106-LAR", 1],
          ["KIT-112-6", 2],
        ],
        steps: [send(1, [1, 1])],
      },
      {
        lines: [["CLO-103-SKY-M", 1]],
        steps: [send(1), arrive(1), exchange([1], "CLO-103-WHI-M", "She likes it better in white")],
      },
    ],
  ],
  [
    edsger,
    [
      {
        lines: [["AUD-112-ASH", 1]],
        token: "tok_insufficient_funds",
        refusal: "PAYMENT_DECLINED",
        steps: [],
      },
      {
        lines: [
          ["STA-109-MEA", 5],
          ["STA-115", 1],
        ],
        steps: [
          leaveOut([2], "The last ones were damaged"),
          send(1),
          arrive(1),
          askToReturn([1], ReturnReason.UNWANTED),
          reject("It was used."),
        ],
      },
    ],
  ],
  [
    katherine,
    [
      { lines: [["LMP-107-SIRE", 1]], currency: "USD", steps: [send(1)] },
      { lines: [["TOY-103-FOX", 3]], currency: "USD", coupon: "FREESHIP", steps: [] },
      // It waits until the customer confirms the payment: the last one, for its cart stays as it is.
      { lines: [["STA-103", 2]], currency: "USD", token: "tok_3ds", steps: [] },
    ],
  ],
]);
