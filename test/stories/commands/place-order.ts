import assert from "node:assert/strict";
import fc from "fast-check";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { cartBill } from "../cart-model.ts";
import { answered, type Counter, command, type Outcome, outcomeOf, refused } from "../command.ts";
import { expectOrder, know } from "../expect.ts";
import { type Model, type Order, oneOf, type PlaceRequest, portionsOf, type Shopper } from "../model.ts";
import { placeOrder as placeInModel, TOKENS } from "../place-model.ts";
import { lackingOf } from "../warehouse.ts";
import { SHOPPERS, WHICH } from "./choices.ts";

/** Where everything is shipped to. */
export const ADDRESS = {
  name: "Ada Lovelace",
  line1: "Mühlenweg 4",
  city: "Kiel",
  postalCode: "24103",
  countryCode: "DE",
};

const METHODS = fc.constantFrom("standard", "standard", "standard", "express", "pick-up");
/** Cards that pay; to one of them the provider gives nothing back. */
export const PAYING = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom("tok_visa", "tok_mastercard") },
  { weight: 1, arbitrary: fc.constant("tok_refund_fails") },
);

/** Up to how much, in cents; as much as they can when left out. */
const MOST = fc.option(fc.bigInt(1n, 60_00n), { nil: undefined, freq: 1 });

/** What MEANS draws. */
interface MeansWish {
  readonly cards: readonly { readonly card: number; readonly most: bigint | undefined }[];
  readonly credit: { readonly most: bigint | undefined } | undefined;
}

/** Which gift cards and whether store credit shall pay, in the order in which they do. */
export const MEANS: fc.Arbitrary<MeansWish> = fc.record({
  cards: fc.array(fc.record({ card: WHICH, most: MOST }), { maxLength: 2 }),
  credit: fc.option(fc.record({ most: MOST }), { nil: undefined, freq: 1 }),
});

/** The same, of the gift cards that there are. */
export function meansOf(
  { giftCards }: Model,
  { cards, credit }: MeansWish,
): Pick<PlaceRequest, "giftCards" | "credit"> {
  const wanted = new Map(
    giftCards.length === 0 ? [] : cards.map(({ card, most }) => [oneOf(giftCards, card), most] as const),
  );
  return { giftCards: [...wanted].map(([balance, most]) => ({ balance, most })), credit };
}

/** Orders what is in a cart: with gift cards, store credit, a good card or a bad one, a good guess at the total or a bad one, or none. */
export const placeOrder = fc
  .record({
    by: SHOPPERS,
    method: fc.oneof({ weight: 9, arbitrary: METHODS }, { weight: 1, arbitrary: fc.constant("balloon") }),
    token: fc.oneof(
      { weight: 5, arbitrary: PAYING },
      { weight: 1, arbitrary: fc.constantFrom("", ...TOKENS) },
    ),
    expects: fc.constantFrom("anything", "anything", "anything", "the total", "the total", "a cent more"),
    means: MEANS,
    evenNothing: fc.constantFrom(false, false, false, false, false, false, true),
  })
  .map((args) =>
    command(
      "place order",
      args,
      async (model, shop) => {
        const ready = model.shoppers.filter(({ cart }) => cart.length > 0);
        const shopper = oneOf(args.evenNothing || ready.length === 0 ? model.shoppers : ready, args.by);
        const { method, token } = args;
        const { currency, cartToken } = shopper;
        const { total } = cartBill(model, shopper, method);
        const expected =
          args.expects === "anything" ? undefined : total + (args.expects === "the total" ? 0n : 1n);
        const means = meansOf(model, args.means);
        const request: PlaceRequest = {
          method,
          token,
          returnUri: "",
          ...means,
          expected,
          currency,
          cartToken,
        };
        const short = lackingOf(portionsOf(model, shopper.cart));
        const key = shop.unique();
        const outcome = await ask(shop, shopper, key, request);
        const expectedOutcome = placeInModel(model, shopper, key, request);
        const metadata = expectPlaced(outcome, model, expectedOutcome);
        if (expectedOutcome === "OUT_OF_STOCK") {
          const [, available] = [...short].find(([it]) => it.variantId === metadata["variant_id"]) ?? [];
          assert.equal(metadata["available"], String(available), "what is told of the stock");
        }
      },
      (model) => args.evenNothing || model.shoppers.some(({ cart }) => cart.length > 0),
    ),
  );

/** Asks for an order. */
export function ask(
  shop: Counter,
  shopper: Shopper,
  idempotencyKey: string,
  { method, token, returnUri, giftCards, credit, expected, currency, cartToken }: PlaceRequest,
) {
  const request = {
    shippingAddress: ADDRESS,
    shippingMethod: method,
    ...(token !== "" && { payment: { token } }),
    returnUri,
    giftCards: giftCards.map(({ balance: { code }, most }) => ({ code, ...limitOf(most, currency) })),
    ...(credit !== undefined && { storeCredit: limitOf(credit.most, currency) }),
    expectedTotal: expected === undefined ? undefined : { minor: expected, currency },
    cartToken,
    email: shopper.isGuest ? shopper.customer.email : "",
  };
  return outcomeOf(shop.call(CheckoutService, shopper.customer).placeOrder(request, { idempotencyKey }));
}

function limitOf(most: bigint | undefined, currency: string) {
  return most === undefined ? {} : { amount: { minor: most, currency } };
}

/**
 * Requires that an order was placed or refused as the model says.
 *
 * @returns what is told beside the reason of a refusal
 */
export function expectPlaced(
  outcome: Awaited<ReturnType<typeof ask>>,
  model: Model,
  expected: Order | string,
): Readonly<Record<string, string>> {
  if (typeof expected === "string") return refused(outcome as Outcome<unknown>, expected);
  const { order } = answered(outcome);
  know(expected, order);
  assert.equal(order?.id, expected.id);
  expectOrder(order, model, expected);
  return {};
}
