import type fc from "fast-check";
import type { Command } from "../command.ts";
import { addAtOnce } from "./add-at-once.ts";
import { addForeignItem } from "./add-foreign-item.ts";
import { addItem } from "./add-item.ts";
import { adjustStock } from "./adjust-stock.ts";
import { applyCoupon, removeCoupon } from "./apply-coupon.ts";
import { authorizePayment } from "./authorize-payment.ts";
import { cancelItems } from "./cancel-items.ts";
import { cancelOrder } from "./cancel-order.ts";
import { clearCart } from "./clear-cart.ts";
import { getQuote } from "./get-quote.ts";
import { holdStock } from "./hold-stock.ts";
import { letTimePass } from "./let-time-pass.ts";
import { moveAgain, moveMoney } from "./move-money.ts";
import { endCoupon, offerCoupon } from "./offer-coupon.ts";
import { placeAgain } from "./place-again.ts";
import { placeAtOnce } from "./place-at-once.ts";
import { placeOrder } from "./place-order.ts";
import { refundAmount, refundPieces } from "./refund-order.ts";
import { register } from "./register.ts";
import { sendBack } from "./send-back.ts";
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
  [offerCoupon, 7],
  [endCoupon, 1],
  [applyCoupon, 12],
  [removeCoupon, 1],
  [clearCart, 1],
  [getQuote, 2],
  [placeOrder, 14],
  [placeAgain, 3],
  [placeAtOnce, 2],
  [cancelOrder, 7],
  [adjustStock, 3],
  [holdStock, 2],
  [letTimePass, 2],
  [register, 1],
  [shipOrder, 8],
  [deliverShipment, 2],
  [cancelItems, 4],
  [refundAmount, 2],
  [refundPieces, 2],
  [sendBack, 4],
  [authorizePayment, 3],
  [moveMoney, 5],
  [moveAgain, 1],
  [voidPayment, 1],
  [tellByWebhook, 2],
];

/** A step of a story. fast-check draws each of its list equally often, so steps stand there as often as they weigh. */
export const STEPS: fc.Arbitrary<Command>[] = WEIGHTS.flatMap(([arbitrary, weight]) =>
  Array.from({ length: weight }, () => arbitrary),
);
