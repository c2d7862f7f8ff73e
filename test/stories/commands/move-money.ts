import fc from "fast-check";
import { PaymentService, type Payment as ToldPayment } from "#gen/souk/payment/v1/payment_pb.ts";
import { answered, type Counter, command, type Outcome, outcomeOf, refused } from "../command.ts";
import { expectPayment } from "../expect.ts";
import { oneOf } from "../model.ts";
import { capture, type Movement, moneyOf, type Payment, refund } from "../payment-model.ts";
import { WHICH } from "./choices.ts";

/** How much of what is left, in percent; more than that is refused. */
const SHARE = fc.constantFrom(1n, 34n, 50n, 100n, 100n, 101n);

/**
 * Takes some of what is set aside, or gives some of what was taken back, as it was paid or as store credit; from
 * several callers at once, it is done once.
 */
export const moveMoney = fc
  .record({
    kind: fc.constantFrom<Movement["kind"]>(
      "capture",
      "capture",
      "capture",
      "refund",
      "refund to store credit",
    ),
    payment: WHICH,
    share: SHARE,
    callers: fc.integer({ min: 1, max: 3 }),
  })
  .map((args) =>
    command(
      "move money",
      args,
      async (model, shop) => {
        const payment = oneOf(model.payments, args.payment);
        const { kind } = args;
        const { open, captured, refunded } = moneyOf(payment);
        const left = kind === "capture" ? open : captured - refunded;
        const amount = (left * args.share + 99n) / 100n + (args.share > 100n ? 1n : 0n) || 1n;
        const movement = { id: shop.unique(), kind, amount };
        const calls = Array.from({ length: args.callers }, () => ask(shop, payment, movement));
        const outcomes = await Promise.all(calls);
        const refusal = refusalOf(payment, movement, left);
        if (refusal === undefined) move(payment, movement);
        for (const outcome of outcomes) {
          if (refusal === undefined) expectPayment(answered(outcome).payment, payment);
          else refused(outcome, refusal);
        }
      },
      ({ payments }) => payments.length > 0,
    ),
  );

/** Asks once more for what was moved: it changes nothing; with another amount it is refused. */
export const moveAgain = fc.record({ payment: WHICH, movement: WHICH, same: fc.boolean() }).map((args) =>
  command(
    "move money again",
    args,
    async (model, shop) => {
      const payment = oneOf(model.payments, args.payment);
      const movement = oneOf(payment.movements, args.movement);
      const amount = movement.amount + (args.same ? 0n : 1n);
      const outcome = await ask(shop, payment, { ...movement, amount });
      const { kind } = movement;
      if (args.same) expectPayment(answered(outcome).payment, payment);
      else refused(outcome, kind === "capture" ? "CAPTURE_MISMATCH" : "REFUND_MISMATCH");
    },
    ({ payments }) => payments.length > 0 && oneOf(payments, args.payment).movements.length > 0,
  ),
);

function ask(
  shop: Counter,
  { id: paymentId, currency }: Payment,
  { id, kind, amount: minor }: Movement,
): Promise<Outcome<{ payment?: ToldPayment | undefined }>> {
  const till = shop.call(PaymentService, { caller: "order" });
  const amount = { minor, currency };
  if (kind === "capture") return outcomeOf(till.capturePayment({ paymentId, captureId: id, amount }));
  const toStoreCredit = kind === "refund to store credit";
  return outcomeOf(till.refundPayment({ paymentId, refundId: id, amount, toStoreCredit }));
}

function refusalOf(payment: Payment, { kind, amount }: Movement, left: bigint): string | undefined {
  const { captured, open } = moneyOf(payment);
  const isOver = payment.isExpired ? "AUTHORIZATION_EXPIRED" : "PAYMENT_STATE_CONFLICT";
  if (captured === 0n && (kind !== "capture" || open === 0n)) return isOver;
  if (kind === "capture") return amount > left ? "CAPTURE_EXCEEDED" : undefined;
  if (kind === "refund to store credit" && payment.account === undefined) return "CUSTOMER_MISSING";
  return amount > left ? "REFUND_EXCEEDED" : undefined;
}

function move(payment: Payment, movement: Movement): void {
  payment.movements.push(movement);
  const { kind, amount } = movement;
  if (kind === "capture") capture(payment, amount);
  else refund(payment, amount, kind === "refund to store credit");
}
