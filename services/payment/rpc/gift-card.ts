import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import {
  type GiftCardService,
  GiftCardState,
  GiftCardStateSchema,
} from "#gen/souk/payment/v1/gift_card_pb.ts";
import { money } from "#kit/money.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import {
  checkGiftCard,
  disableGiftCard,
  type GiftCardStateName,
  getGiftCard,
  issueGiftCard,
  listGiftCards,
  type StoredGiftCard,
  stateOfGiftCard,
} from "../gift-cards.ts";
import { type BalanceChange, listBalanceChanges } from "../list-ledger.ts";
import type { Payments } from "../payment.ts";

const PAGE_SIZE = 20;
const LATEST = 100;

/** Serves souk.payment.v1.GiftCardService. */
export function giftCardRpc({ db, giftCodes }: Payments) {
  return {
    async checkGiftCard({ code }) {
      const { state, balance, expireTime } = toGiftCard(await checkGiftCard(db, giftCodes, code));
      return { state, balance, ...(expireTime && { expireTime }) };
    },

    async issueGiftCard({ giftCardId, amount, expireTime, recipientEmail, message, reason }, call) {
      const { card, code } = await issueGiftCard(db, giftCodes, call, {
        id: giftCardId,
        amount: amount as Money,
        expireTime: expireTime && timestampDate(expireTime),
        recipientEmail,
        message,
        reason,
      });
      return { giftCard: toGiftCard(card), code };
    },

    async getGiftCard({ id }) {
      const card = await getGiftCard(db, id);
      const changes = await listBalanceChanges(db, id, LATEST);
      return { giftCard: toGiftCard(card), entries: changes.map(toBalanceEntry) };
    },

    async listGiftCards({ state, codeSuffix, pageSize, pageToken }) {
      const { cards, nextPageToken } = await listGiftCards(db, {
        state:
          state === GiftCardState.UNSPECIFIED
            ? undefined
            : (GiftCardStateSchema.value[state]?.localName as GiftCardStateName),
        codeSuffix,
        pageSize: pageSize || PAGE_SIZE,
        pageToken,
      });
      return { giftCards: cards.map(toGiftCard), nextPageToken };
    },

    async disableGiftCard({ id, reason }, call) {
      return { giftCard: toGiftCard(await disableGiftCard(db, call, id, reason)) };
    },
  } satisfies Implementation<typeof GiftCardService>;
}

function toGiftCard(card: StoredGiftCard) {
  const { currency, expire_time } = card;
  return {
    id: card.id,
    codeSuffix: card.code_suffix,
    state: GiftCardState[stateOfGiftCard(card)],
    amount: money(card.amount_minor, currency),
    balance: money(card.balance_minor, currency),
    createTime: timestampFromDate(card.create_time),
    ...(expire_time !== null && { expireTime: timestampFromDate(expire_time) }),
  };
}

/** A change of a balance as the contract shows it. */
export function toBalanceEntry({ id, minor, currency, paymentId, description, createTime }: BalanceChange) {
  return {
    id,
    amount: money(minor, currency),
    paymentId: paymentId ?? "",
    reason: description,
    createTime: timestampFromDate(createTime),
  };
}
