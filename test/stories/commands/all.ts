import type fc from "fast-check";
import type { Command } from "../command.ts";
import { addAtOnce } from "./add-at-once.ts";
import { addForeignItem } from "./add-foreign-item.ts";
import { addItem } from "./add-item.ts";
import { adjustStock } from "./adjust-stock.ts";
import { allowBackOrders } from "./allow-back-orders.ts";
import { applyCoupon, removeCoupon } from "./apply-coupon.ts";
import { authorizePayment } from "./authorize-payment.ts";
import { cancelItems } from "./cancel-items.ts";
import { cancelOrder } from "./cancel-order.ts";
import { changeFromTwoTabs } from "./change-from-two-tabs.ts";
import { clearCart } from "./clear-cart.ts";
import { comeAsGuest } from "./come-as-guest.ts";
import { confirmPayment } from "./confirm-payment.ts";
import { editAtOnce, editOrder } from "./edit-order.ts";
import { exchangeOrder } from "./exchange-order.ts";
import { getQuote } from "./get-quote.ts";
import { adjustStoreCredit, disableGiftCard, issueGiftCard } from "./give-balance.ts";
import { holdStock } from "./hold-stock.ts";
import { inTurn } from "./in-turn.ts";
import { letAuthorizationExpire, letCartExpire, letTimePass } from "./let-time-pass.ts";
import { mergeCart } from "./merge-cart.ts";
import { moveAgain, moveMoney } from "./move-money.ts";
import { endPromotion, offerPromotion } from "./offer-promotion.ts";
import { placeAgain } from "./place-again.ts";
import { placeAtOnce } from "./place-at-once.ts";
import { placeOrder } from "./place-order.ts";
import { refundAmount, refundPieces } from "./refund-order.ts";
import { register } from "./register.ts";
import { saveForLater } from "./save-for-later.ts";
import { bringBack, sendBack } from "./send-back.ts";
import { endTransfer, sendGoods } from "./send-goods.ts";
import { deliverShipment, shipOrder } from "./ship-order.ts";
import { tellByWebhook } from "./tell-by-webhook.ts";
import { updateItem } from "./update-item.ts";
import { voidPayment } from "./void-payment.ts";

/** How often each step happens in stories, compared with the others. */
const WEIGHTS: readonly (readonly [arbitrary: fc.Arbitrary<Command>, weight: number])[] = [
  [addItem, 14],
  [addAtOnce, 2],
  [addForeignItem, 1],
  [updateItem, 3],
  [changeFromTwoTabs, 2],
  [saveForLater, 4],
  [comeAsGuest, 3],
  [mergeCart, 3],
  [offerPromotion, 7],
  [endPromotion, 1],
  [applyCoupon, 12],
  [removeCoupon, 1],
  [clearCart, 1],
  [getQuote, 2],
  [placeOrder, 16],
  [confirmPayment, 4],
  [placeAgain, 2],
  [placeAtOnce, 2],
  [cancelOrder, 5],
  [adjustStock, 4],
  [sendGoods, 4],
  [endTransfer, 3],
  [allowBackOrders, 3],
  [holdStock, 2],
  [letTimePass, 2],
  [letAuthorizationExpire, 1],
  [letCartExpire, 1],
  [register, 1],
  [shipOrder, 16],
  [deliverShipment, 3],
  [cancelItems, 6],
  [refundAmount, 3],
  [refundPieces, 4],
  [sendBack, 8],
  [bringBack, 6],
  [editOrder, 10],
  [editAtOnce, 2],
  [exchangeOrder, 10],
  [inTurn(addItem, placeOrder, shipOrder), 10],
  [inTurn(exchangeOrder, editOrder, editOrder), 8],
  [inTurn(exchangeOrder, shipOrder, bringBack, refundAmount), 8],
  [issueGiftCard, 4],
  [disableGiftCard, 1],
  [adjustStoreCredit, 7],
  [authorizePayment, 4],
  [moveMoney, 7],
  [moveAgain, 1],
  [voidPayment, 2],
  [tellByWebhook, 3],
];

/** A step of a story. fast-check draws each of its list equally often, so steps stand there as often as they weigh. */
export const STEPS: fc.Arbitrary<Command>[] = WEIGHTS.flatMap(([arbitrary, weight]) =>
  Array.from({ length: weight }, () => arbitrary),
);
