import fc from "fast-check";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { paymentAt } from "../model.ts";
import { WHICH } from "./choices.ts";

/** Gives up what is still set aside of a payment; what was taken stays taken. */
export const voidPayment = fc
  .record({ payment: WHICH, callers: fc.integer({ min: 1, max: 3 }) })
  .map((args) =>
    command(
      "void payment",
      args,
      async (model, shop) => {
        const payment = paymentAt(model, args.payment);
        const till = shop.call(PaymentService, { caller: "order" });
        const isTaken = payment.open === 0n && payment.captured > 0n;
        // Of several callers, those who come after all that is left was given up find a payment that is taken.
        const callers = payment.captured > 0n ? 1 : args.callers;
        const calls = Array.from({ length: callers }, () =>
          outcomeOf(till.voidPayment({ paymentId: payment.id })),
        );
        for (const outcome of await Promise.all(calls)) {
          if (isTaken) refused(outcome, "PAYMENT_STATE_CONFLICT");
          else answered(outcome);
        }
        payment.open = 0n;
      },
      (model) => model.payments.length > 0,
    ),
  );
