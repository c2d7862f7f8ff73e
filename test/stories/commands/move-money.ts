import assert from "node:assert/strict";
import fc from "fast-check";
import { PaymentService, type Payment as ToldPayment } from "#gen/souk/payment/v1/payment_pb.ts";
import { answered, type Counter, command, type Outcome, outcomeOf, refused } from "../command.ts";
import { expectPayment } from "../expect.ts";
import { paymentAt } from "../model.ts";
import type { Movement, Payment } from "../payment-model.ts";
import { WHICH } from "./choices.ts";

/** How much of what is left, in percent; more than that is refused. */
const SHARE = fc.constantFrom(1n, 34n, 50n, 100n, 100n, 101n);

/** Takes some of what is set aside, or gives some of what was taken back; from several callers at once, it is done once. */
export const moveMoney = fc
  .record({
    kind: fc.constantFrom("capture", "capture", "refund"),
    payment: WHICH,
    share: SHARE,
    callers: fc.integer({ min: 1, max: 3 }),
  })
  .map((args) =>
    command(
      "move money",
      args,
      async (model, shop) => {
        const payment = paymentAt(model, args.payment);
        const kind = args.kind as Movement["kind"];
        const left = kind === "capture" ? payment.open : payment.captured - payment.refunded;
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
      (model) => model.payments.length > 0,
    ),
  );

/** Asks once more for what was moved: it changes nothing; with another amount it is refused. */
export const moveAgain = fc.record({ payment: WHICH, movement: WHICH, same: fc.boolean() }).map((args) =>
  command(
    "move money again",
    args,
    async (model, shop) => {
      const payment = paymentAt(model, args.payment);
      const movement = payment.movements[args.movement % payment.movements.length];
      assert.ok(movement);
      const amount = movement.amount + (args.same ? 0n : 1n);
      const outcome = await ask(shop, payment, { ...movement, amount });
      if (args.same) expectPayment(answered(outcome).payment, payment);
      else refused(outcome, `${movement.kind.toUpperCase()}_MISMATCH`);
    },
    (model) => model.payments.length > 0 && paymentAt(model, args.payment).movements.length > 0,
  ),
);

function ask(
  shop: Counter,
  { id: paymentId, currency }: Payment,
  { id, kind, amount }: Movement,
): Promise<Outcome<{ payment?: ToldPayment | undefined }>> {
  const till = shop.call(PaymentService, { caller: "order" });
  const money = { minor: amount, currency };
  return kind === "capture"
    ? outcomeOf(till.capturePayment({ paymentId, captureId: id, amount: money }))
    : outcomeOf(till.refundPayment({ paymentId, refundId: id, amount: money }));
}

function refusalOf(payment: Payment, { kind, amount }: Movement, left: bigint): string | undefined {
  if (kind === "refund" && payment.captured === 0n) return "PAYMENT_STATE_CONFLICT";
  if (kind === "capture" && left === 0n && payment.captured === 0n) return "PAYMENT_STATE_CONFLICT";
  return amount > left ? `${kind.toUpperCase()}_EXCEEDED` : undefined;
}

function move(payment: Payment, movement: Movement): void {
  payment.movements.push(movement);
  if (movement.kind === "capture") {
    payment.open -= movement.amount;
    payment.captured += movement.amount;
  } else if (!payment.refundsFail) {
    payment.refunded += movement.amount;
  }
}
