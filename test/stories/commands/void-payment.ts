import fc from "fast-check";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { oneOf } from "../model.ts";
import { free, moneyOf } from "../payment-model.ts";
import { WHICH } from "./choices.ts";

/** Gives up what is still set aside of a payment; what was taken stays taken. */
export const voidPayment = fc
  .record({ payment: WHICH, callers: fc.integer({ min: 1, max: 3 }) })
  .map((args) =>
    command(
      "void payment",
      args,
      async (model, shop) => {
        const payment = oneOf(model.payments, args.payment);
        const till = shop.call(PaymentService, { caller: "order" });
        const { open, captured } = moneyOf(payment);
        const isTaken = open === 0n && captured > 0n;
        // Of several callers, those who come after all that is left was given up find a payment that is taken.
        const callers = captured > 0n ? 1 : args.callers;
        const calls = Array.from({ length: callers }, () =>
          outcomeOf(till.voidPayment({ paymentId: payment.id })),
        );
        for (const outcome of await Promise.all(calls)) {
          if (isTaken) refused(outcome, "PAYMENT_STATE_CONFLICT");
          else answered(outcome);
        }
        free(payment);
      },
      (model) => model.payments.length > 0,
    ),
  );
