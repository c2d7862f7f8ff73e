import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import {
  type PaymentMeans,
  type PaymentService,
  PaymentState,
  PaymentStateSchema,
} from "#gen/souk/payment/v1/payment_pb.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { authorizePayment } from "../authorize-payment.ts";
import { capturePayment } from "../capture-payment.ts";
import { confirmPayment } from "../confirm-payment.ts";
import { handleWebhook } from "../handle-webhook.ts";
import { listPayments, wholePayments } from "../list-payments.ts";
import type { Means } from "../parts.ts";
import { getPayment, type Payments, type StoredPayment } from "../payment.ts";
import { refundPayment } from "../refund-payment.ts";
import type { PaymentStateName } from "../states.ts";
import { syncPayment } from "../sync-payment.ts";
import { voidPayment } from "../void-payment.ts";
import { toPayment, toRefund } from "./payment-message.ts";

const PAGE_SIZE = 20;

/** Serves souk.payment.v1.PaymentService. */
export function paymentRpc(payments: Payments) {
  const { db } = payments;

  async function answer(stored: StoredPayment, justAuthorized = false) {
    return (await wholePayments(db, [stored], justAuthorized)).map(toPayment)[0];
  }

  return {
    async authorizePayment({ paymentId, amount, token, accountId, returnUri, means }, call) {
      const stored = await authorizePayment(payments, call, {
        id: paymentId,
        amount: amount as Money,
        token,
        accountId: accountId || undefined,
        returnUri: returnUri || undefined,
        means: means.map(toMeans),
      });
      return { payment: await answer(stored, true) };
    },

    async capturePayment({ paymentId, captureId, amount }, call) {
      const capture = { id: paymentId, captureId: captureId || undefined, amount };
      return { payment: await answer(await capturePayment(payments, call, capture)) };
    },

    async voidPayment({ paymentId }, call) {
      await voidPayment(payments, call, paymentId);
      return {};
    },

    async getPayment({ id }) {
      return { payment: await answer(await getPayment(db, id)) };
    },

    async confirmPayment({ paymentId }, call) {
      return { payment: await answer(await confirmPayment(payments, call, paymentId)) };
    },

    async refundPayment({ paymentId, refundId, amount, toStoreCredit, reason }, call) {
      const wanted = { id: paymentId, refundId, amount, toStoreCredit, reason };
      const { payment, refund } = await refundPayment(payments, call, wanted);
      return { payment: await answer(payment), refund: toRefund(refund, payment.currency as string) };
    },

    async listPayments({ state, pageSize, startTime, endTime, accountId, providerChargeId, pageToken }) {
      const page = await listPayments(db, {
        state:
          state === PaymentState.UNSPECIFIED
            ? undefined
            : (PaymentStateSchema.value[state]?.localName as PaymentStateName),
        accountId,
        providerChargeId,
        startTime: dateOf(startTime),
        endTime: dateOf(endTime),
        pageSize: pageSize || PAGE_SIZE,
        pageToken,
      });
      return { payments: page.payments.map(toPayment), nextPageToken: page.nextPageToken };
    },

    async syncPayment({ paymentId }, call) {
      return { payment: await answer(await syncPayment(payments, call, paymentId)) };
    },

    async handleWebhook({ provider, body, signature }, call) {
      await handleWebhook(payments, call, { provider, body, signature });
      return {};
    },
  } satisfies Implementation<typeof PaymentService>;
}

function toMeans({ means, amountMinor: minor }: PaymentMeans): Means {
  return means.case === "giftCardCode"
    ? { kind: "GIFT_CARD", code: means.value, minor }
    : { kind: "STORE_CREDIT", minor };
}

function dateOf(time: Timestamp | undefined): Date | undefined {
  return time && timestampDate(time);
}
