import fc from "fast-check";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { expectPayment } from "../expect.ts";
import { newPayment } from "../payment-model.ts";

/** Sets money aside in one of two currencies, twice with the same id, or tries to. */
export const authorizePayment = fc
  .record({
    amount: fc.oneof(fc.bigInt(1n, 9n), fc.bigInt(10n, 1_000_000n)),
    currency: fc.constantFrom("EUR", "USD"),
    token: fc.constantFrom("tok_visa", "tok_mastercard", "tok_refund_fails", "tok_declined"),
  })
  .map((args) =>
    command("authorize payment", args, async (model, shop) => {
      const { amount, currency, token } = args;
      const id = shop.unique();
      const till = shop.call(PaymentService, { caller: "order" });
      const ask = (minor: bigint) =>
        outcomeOf(till.authorizePayment({ paymentId: id, amount: { minor, currency }, token }));
      const declined = token === "tok_declined";
      const payment = newPayment({
        id,
        amount,
        currency,
        declined,
        refundsFail: token === "tok_refund_fails",
      });
      model.payments.push(payment);
      for (const outcome of await Promise.all([ask(amount), ask(amount)])) {
        if (declined) refused(outcome, "PAYMENT_DECLINED");
        else expectPayment(answered(outcome).payment, payment);
      }
      refused(await ask(amount + 1n), "PAYMENT_MISMATCH");
    }),
  );
