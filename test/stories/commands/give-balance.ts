import assert from "node:assert/strict";
import fc from "fast-check";
import { GiftCardService } from "#gen/souk/payment/v1/gift_card_pb.ts";
import { StoreCreditService } from "#gen/souk/payment/v1/store_credit_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { oneOf, shopperAt } from "../model.ts";
import type { Currency } from "../reckon.ts";
import { SHOPPERS, WHICH } from "./choices.ts";

const CURRENCY = fc.constantFrom<Currency>("EUR", "USD");

/** Staff issues a gift card, twice under one id, and for another amount not at all. */
export const issueGiftCard = fc.record({ minor: fc.bigInt(1n, 90_00n), currency: CURRENCY }).map((args) =>
  command("issue gift card", args, async (model, shop) => {
    const { minor, currency } = args;
    const id = shop.unique();
    const desk = shop.call(GiftCardService, { caller: "operator" });
    const issue = (amount: bigint) =>
      outcomeOf(desk.issueGiftCard({ giftCardId: id, amount: { minor: amount, currency } }));
    const issued = await Promise.all([issue(minor), issue(minor)]);
    const codes = issued.map((outcome) => answered(outcome).code);
    assert.equal(new Set(codes).size, 1, "one code for one card");
    refused(await issue(minor + 1n), "GIFT_CARD_MISMATCH");
    model.giftCards.push({
      id,
      kind: "gift card",
      currency,
      code: codes[0] ?? "",
      granted: minor,
      minor,
      isDisabled: false,
    });
  }),
);

/** Staff puts a gift card out of use. */
export const disableGiftCard = fc.record({ card: WHICH }).map((args) =>
  command(
    "disable gift card",
    args,
    async (model, shop) => {
      const card = oneOf(model.giftCards, args.card);
      await shop
        .call(GiftCardService, { caller: "operator" })
        .disableGiftCard({ id: card.id, reason: "Lost" });
      card.isDisabled = true;
    },
    ({ giftCards }) => giftCards.length > 0,
  ),
);

/** Staff gives store credit or takes some away, once and again under the same key. */
export const adjustStoreCredit = fc
  .record({
    of: SHOPPERS,
    minor: fc.oneof(fc.bigInt(1n, 90_00n), fc.bigInt(-50_00n, -1n)),
    currency: CURRENCY,
    twice: fc.boolean(),
  })
  .map((args) =>
    command(
      "adjust store credit",
      args,
      async (model, shop) => {
        const { minor, currency } = args;
        const { customer, credit } = shopperAt(model, args.of);
        const balance = credit[currency];
        const options = { idempotencyKey: shop.unique() };
        const request = { accountId: customer.id, amount: { minor, currency }, reason: "Goodwill" };
        const desk = shop.call(StoreCreditService, { caller: "operator" });
        const adjust = () => outcomeOf(desk.adjustStoreCredit(request, options));
        const outcomes = [await adjust(), ...(args.twice ? [await adjust()] : [])];
        const isPossible = balance.minor + minor >= 0n;
        if (isPossible) {
          balance.minor += minor;
          balance.granted += minor;
        }
        for (const outcome of outcomes) {
          if (isPossible) assert.equal(answered(outcome).balance?.minor, balance.minor);
          else refused(outcome, "STORE_CREDIT_TOO_LOW");
        }
      },
      (model) => !shopperAt(model, args.of).isGuest,
    ),
  );
