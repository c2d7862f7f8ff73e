import fc from "fast-check";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { expectPayment } from "../expect.ts";
import { type Model, oneOf, shopperAt } from "../model.ts";
import { type Means, newPayment } from "../payment-model.ts";
import type { Currency } from "../reckon.ts";
import { SHOPPERS, WHICH } from "./choices.ts";

/** How much of an amount a gift card or store credit shall pay, in percent. */
const SHARE = fc.constantFrom(0n, 0n, 0n, 30n, 50n, 100n);

/**
 * Sets money aside in one of two currencies, of a card, a gift card and store credit together, twice with the same
 * id, or tries to.
 */
export const authorizePayment = fc
  .record({
    by: SHOPPERS,
    amount: fc.oneof(fc.bigInt(1n, 9n), fc.bigInt(10n, 90_00n), fc.bigInt(90_00n, 1_000_000n)),
    currency: fc.constantFrom<Currency>("EUR", "USD"),
    token: fc.constantFrom("tok_visa", "tok_mastercard", "tok_refund_fails", "tok_declined"),
    giftCard: fc.record({ card: WHICH, share: SHARE }),
    credit: SHARE,
  })
  .map((args) =>
    command("authorize payment", args, async (model, shop) => {
      const { amount, currency, token } = args;
      const { customer, isGuest, credit } = shopperAt(model, args.by);
      const id = shop.unique();
      const till = shop.call(PaymentService, { caller: "order" });
      const means = meansOf(model, args);
      const request = { paymentId: id, token, accountId: customer.id, means: means.map(toMeans) };
      const ask = (minor: bigint) =>
        outcomeOf(till.authorizePayment({ ...request, amount: { minor, currency } }));
      const outcomes = await Promise.all([ask(amount), ask(amount)]);
      const refusal = refusalOf(means, currency, isGuest);
      if (refusal !== undefined) {
        for (const outcome of outcomes) refused(outcome, refusal);
        return;
      }
      // What gift cards and store credit pay alone, nobody declines.
      const isOfCard = means.reduce((left, { minor }) => left - minor, amount) > 0n;
      const declined = token === "tok_declined" && isOfCard;
      const payment = newPayment({
        id,
        amount,
        currency,
        declined,
        refundsFail: token === "tok_refund_fails",
        account: isGuest ? undefined : credit[currency],
        means,
      });
      model.payments.push(payment);
      for (const outcome of outcomes) {
        if (declined) refused(outcome, "PAYMENT_DECLINED");
        else expectPayment(answered(outcome).payment, payment);
      }
      refused(await ask(amount + 1n), "PAYMENT_MISMATCH");
    }),
  );

interface Wish {
  readonly by: number;
  readonly amount: bigint;
  readonly currency: Currency;
  readonly giftCard: { readonly card: number; readonly share: bigint };
  readonly credit: bigint;
}

/** What pays before the card: never more than the amount. */
function meansOf(model: Model, { by, amount, currency, giftCard, credit }: Wish): Means[] {
  const means: Means[] = [];
  const ofCard = (amount * giftCard.share) / 100n;
  if (model.giftCards.length > 0 && ofCard > 0n) {
    means.push({ balance: oneOf(model.giftCards, giftCard.card), minor: ofCard });
  }
  const left = means.reduce((rest, { minor }) => rest - minor, amount);
  const ofCredit = (left * credit) / 100n;
  if (ofCredit > 0n) means.push({ balance: shopperAt(model, by).credit[currency], minor: ofCredit });
  return means;
}

function toMeans({ balance: { kind, code }, minor: amountMinor }: Means) {
  const means =
    kind === "gift card"
      ? { case: "giftCardCode" as const, value: code }
      : { case: "storeCredit" as const, value: {} };
  return { means, amountMinor };
}

function refusalOf(means: readonly Means[], currency: Currency, isGuest: boolean): string | undefined {
  for (const { balance, minor } of means) {
    const isTooLow = balance.minor < minor;
    if (balance.kind === "gift card") {
      if (isTooLow || balance.isDisabled || balance.currency !== currency) return "GIFT_CARD_UNUSABLE";
      continue;
    }
    if (isGuest) return "CUSTOMER_MISSING";
    if (isTooLow) return "STORE_CREDIT_TOO_LOW";
  }
  return undefined;
}
