import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { PromotionService } from "#gen/souk/order/v1/promotion_pb.ts";
import { databaseUrl } from "#kit/config.ts";
import { implement } from "#kit/rpc/implement.ts";
import { defineService } from "#kit/service.ts";
import { cancelOrderSaga } from "./cancel-order.ts";
import { orderSettings } from "./config.ts";
import { entities } from "./entities.ts";
import { migrations } from "./migrations/index.ts";
import { listenForOrderChanges } from "./order-changes.ts";
import { placeOrderSaga } from "./place-order.ts";
import { cartRpc } from "./rpc/cart.ts";
import { checkoutRpc } from "./rpc/checkout.ts";
import { orderRpc } from "./rpc/order.ts";
import { openShop } from "./shop.ts";

/** Carts, checkout and orders. */
export const order = defineService({
  name: "order",
  port: 3004,
  settings: orderSettings,
  data: { entities, migrations },
  serve({ db, settings, sagas, log, rootScope, onStop }) {
    const shop = openShop(db, settings, rootScope);
    const changes = listenForOrderChanges(databaseUrl("order", settings), db.bell, log);
    onStop(changes.stop);
    return [
      implement(CartService, cartRpc(shop), [
        "createGuestCart",
        "mergeCart",
        "saveForLater",
        "moveToCart",
        "applyCoupon",
        "removeCoupon",
      ]),
      implement(CheckoutService, checkoutRpc(shop, sagas), ["completePayment"]),
      implement(OrderService, orderRpc(shop, sagas, changes), [
        "findGuestOrder",
        "requestReturn",
        "cancelReturn",
        "listOrderTimeline",
        "getInvoice",
        "listOrders",
        "getOrderForStaff",
        "getPackingSlip",
        "shipOrder",
        "updateShipment",
        "markShipmentDelivered",
        "cancelOrderItems",
        "editOrder",
        "approveReturn",
        "rejectReturn",
        "receiveReturn",
        "refundOrder",
        "exchangeOrder",
        "addOrderNote",
      ]),
      implement(PromotionService, {}, [
        "createPromotion",
        "updatePromotion",
        "getPromotion",
        "listPromotions",
        "endPromotion",
      ]),
    ];
  },
  sagas: [placeOrderSaga, cancelOrderSaga],
});
