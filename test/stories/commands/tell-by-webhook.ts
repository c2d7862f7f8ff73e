import assert from "node:assert/strict";
import fc from "fast-check";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { signSandboxWebhook } from "../../../services/payment/provider/sandbox-signature.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { expectPayment } from "../expect.ts";
import { oneOf } from "../model.ts";
import { chargeOf } from "../payment-model.ts";
import { WEBHOOK_SECRET } from "../shop.ts";
import { WHICH } from "./choices.ts";

const TYPES = fc.constantFrom("charge.refunded", "charge.captured", "charge.authorized", "charge.voided");

/** The provider tells of a payment: several things, in any order, each twice, at once; or somebody forges it. */
export const tellByWebhook = fc
  .record({ payment: WHICH, types: fc.array(TYPES, { minLength: 1, maxLength: 3 }), forged: fc.boolean() })
  .map((args) =>
    command(
      "tell by webhook",
      args,
      async (model, shop) => {
        const payment = oneOf(model.payments, args.payment);
        const [charge] = await shop.ask<{ id: string }>(
          "payment",
          "select id from sandbox.charge where idempotency_key = $1",
          [payment.id],
        );
        assert.ok(charge, "each payment of a story has a charge");
        const payments = shop.call(PaymentService, { accessToken: "" });
        const calls = args.types.flatMap((type) => {
          const notice = { id: shop.unique(), type, charge: charge.id, idempotencyKey: payment.id };
          const body = Buffer.from(JSON.stringify(notice));
          const secret = args.forged ? WEBHOOK_SECRET.toUpperCase() : WEBHOOK_SECRET;
          const signature = signSandboxWebhook(secret, body, Date.now());
          return [1, 2].map(() =>
            outcomeOf(payments.handleWebhook({ provider: "sandbox", body, signature })),
          );
        });
        for (const outcome of await Promise.all(calls)) {
          if (args.forged) refused(outcome, "WEBHOOK_REFUSED");
          else answered(outcome);
        }
        const { payment: now } = await shop
          .call(PaymentService, { caller: "operator" })
          .getPayment({ id: payment.id });
        expectPayment(now, payment);
      },
      // Of what no card pays the provider knows nothing.
      ({ payments }) => payments.length > 0 && chargeOf(oneOf(payments, args.payment)) !== undefined,
    ),
  );
