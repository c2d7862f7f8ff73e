import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { type PaymentService, PaymentState } from "#gen/souk/payment/v1/payment_pb.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { authorizePayment } from "../authorize-payment.ts";
import { capturePayment } from "../capture-payment.ts";
import { amountOf, getPayment, type Payments, type StoredPayment } from "../payment.ts";
import { voidPayment } from "../void-payment.ts";

/** Serves souk.payment.v1.PaymentService. */
export function paymentRpc(payments: Payments) {
  return {
    async authorizePayment({ paymentId, amount, token }, call) {
      const authorization = { id: paymentId, amount: amount as Money, token };
      return { payment: toPayment(await authorizePayment(payments, call, authorization)) };
    },

    async capturePayment({ paymentId }, call) {
      return { payment: toPayment(await capturePayment(payments, call, paymentId)) };
    },

    async voidPayment({ paymentId }, call) {
      await voidPayment(payments, call, paymentId);
      return {};
    },

    async getPayment({ id }) {
      return { payment: toPayment(await getPayment(payments.db, id)) };
    },
  } satisfies Partial<Implementation<typeof PaymentService>>;
}

function toPayment(stored: StoredPayment) {
  return {
    id: stored.id,
    state: PaymentState[stored.state],
    amount: amountOf(stored),
    providerChargeId: stored.provider_charge_id ?? "",
    declineReason: stored.decline_reason ?? "",
    createTime: timestampFromDate(stored.create_time),
    updateTime: timestampFromDate(stored.update_time),
  };
}
