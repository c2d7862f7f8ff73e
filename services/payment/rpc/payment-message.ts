import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  PaymentPartKind,
  PaymentRefundState,
  type PaymentSchema,
  PaymentState,
} from "#gen/souk/payment/v1/payment_pb.ts";
import { money } from "#kit/money.ts";
import type { WholePayment } from "../list-payments.ts";
import type { StoredMovement } from "../movements.ts";
import { amountOf, meansOf } from "../payment.ts";

/** A payment as the contract shows it. */
export function toPayment({
  payment,
  parts,
  movements,
}: WholePayment): MessageInitShape<typeof PaymentSchema> {
  const { state, currency, action_uri, expire_time } = payment;
  const amount = amountOf(payment);
  const of = (minor: bigint) => (currency === null ? undefined : money(minor, currency));
  const timeOf = (time: Date | null) => (time === null ? {} : { expireTime: timestampFromDate(time) });
  const others = parts.map((part) => ({
    kind: PaymentPartKind[part.kind],
    authorized: of(part.amount_minor),
    captured: of(part.captured_minor),
    refunded: of(part.refunded_minor),
    displayName: part.label,
    giftCardId: part.kind === "GIFT_CARD" ? part.holder_id : "",
  }));
  const card = {
    kind: PaymentPartKind.PROVIDER,
    authorized: of(payment.card_minor),
    captured: of(payment.card_captured_minor),
    refunded: of(payment.card_refunded_minor),
    displayName: "Card",
  };
  return {
    id: payment.id,
    state: PaymentState[state],
    amount,
    providerChargeId: payment.provider_charge_id ?? "",
    declineReason: payment.decline_reason ?? "",
    createTime: timestampFromDate(payment.create_time),
    updateTime: timestampFromDate(payment.update_time),
    captured: of(payment.captured_minor),
    refunded: of(payment.refunded_minor),
    parts: [...others, ...(payment.card_minor > 0n || meansOf(payment) === 0n ? [card] : [])],
    captures: movements
      .filter((it) => it.kind === "CAPTURE" && it.state === "SUCCEEDED")
      .map((it) => ({
        id: it.id,
        amount: of(it.amount_minor),
        createTime: timestampFromDate(it.create_time),
      })),
    refunds: movements.filter(({ kind }) => kind === "REFUND").map((it) => toRefund(it, currency as string)),
    ...(state === "ACTION_REQUIRED" && {
      action: { redirectUri: action_uri ?? "", ...timeOf(expire_time) },
    }),
    provider: payment.provider,
    accountId: payment.account_id ?? "",
    ...(expire_time !== null &&
      state !== "ACTION_REQUIRED" && { authorizationExpireTime: timestampFromDate(expire_time) }),
  };
}

/** A refund as the contract shows it. */
export function toRefund(refund: StoredMovement, currency: string) {
  return {
    id: refund.id,
    amount: money(refund.amount_minor, currency),
    state: PaymentRefundState[refund.state],
    toStoreCredit: refund.to_store_credit,
    failureReason: refund.failure_reason,
    createTime: timestampFromDate(refund.create_time),
  };
}
