import { BackOrderFilledSchema } from "#gen/souk/inventory/v1/events_pb.ts";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { PromotionService } from "#gen/souk/order/v1/promotion_pb.ts";
import { PaymentConfirmedSchema } from "#gen/souk/payment/v1/events_pb.ts";
import { CustomerGroupsChangedSchema, UserDeletedSchema } from "#gen/souk/user/v1/events_pb.ts";
import { databaseUrl } from "#kit/config.ts";
import { on } from "#kit/events/subscription.ts";
import { job } from "#kit/jobs/job.ts";
import { implement } from "#kit/rpc/implement.ts";
import { defineService } from "#kit/service.ts";
import { cancelItemsSaga } from "./after-sale/cancel-items.ts";
import { cancelOrderSaga } from "./after-sale/cancel-order.ts";
import { editOrderSaga } from "./after-sale/edit-order.ts";
import { exchangeOrderSaga } from "./after-sale/exchange-order.ts";
import { receiveReturnSaga } from "./after-sale/receive-return.ts";
import { refundOrderSaga } from "./after-sale/refund-order.ts";
import { shipOrderSaga } from "./after-sale/ship-order.ts";
import { noteFilled } from "./back-orders.ts";
import { expireCarts } from "./cart/expire-carts.ts";
import { completePaymentSaga } from "./checkout/complete-payment.ts";
import { completeDuePayments, noteDecision } from "./checkout/due-payments.ts";
import { giveUpPaymentSaga } from "./checkout/give-up-payment.ts";
import { placeOrderSaga } from "./checkout/place-order.ts";
import { remindOfPayments } from "./checkout/remind-of-payments.ts";
import { orderSettings } from "./config.ts";
import { keepGroups } from "./customer-groups.ts";
import { entities } from "./entities.ts";
import { eraseCustomers, noteForgotten } from "./forget/erase-customers.ts";
import { migrations } from "./migrations/index.ts";
import { listenForOrderChanges } from "./order-changes.ts";
import { cartRpc } from "./rpc/cart.ts";
import { checkoutRpc } from "./rpc/checkout.ts";
import { orderRpc } from "./rpc/order.ts";
import { orderStaffRpc } from "./rpc/order-staff.ts";
import { promotionRpc } from "./rpc/promotion.ts";
import { openShop } from "./shop.ts";

/** How often carts that nobody uses any more are removed, in ms. */
const EXPIRE_CARTS_MS = 3_600_000;
/** How often what is left of customers who were deleted is erased, in ms. */
const ERASE_CUSTOMERS_MS = 5_000;
/** How often it is looked whether an order need not wait for its customer any longer, in ms. */
const DUE_PAYMENTS_MS = 1_000;
/** How long that may take, in ms; when its process dies, another one looks little later than that. */
const DUE_PAYMENTS_TIMEOUT_MS = 5_000;
/** How often it is looked whether customers have to be reminded of a payment, in ms. */
const REMIND_MS = 2_000;

/** Carts, checkout, orders and promotions. */
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
      implement(CartService, cartRpc(shop)),
      implement(CheckoutService, checkoutRpc(shop, sagas, changes)),
      implement(OrderService, { ...orderRpc(shop, sagas, changes), ...orderStaffRpc(shop, sagas, changes) }),
      implement(PromotionService, promotionRpc(shop)),
    ];
  },
  consumes: [PaymentConfirmedSchema, BackOrderFilledSchema, CustomerGroupsChangedSchema, UserDeletedSchema],
  consume: () => [
    on(PaymentConfirmedSchema, noteDecision),
    on(BackOrderFilledSchema, noteFilled),
    on(CustomerGroupsChangedSchema, keepGroups),
    on(UserDeletedSchema, noteForgotten),
  ],
  jobs: ({ db, settings, sagas, rootScope }) => [
    job({
      name: "complete-payments",
      everyMs: DUE_PAYMENTS_MS,
      timeoutMs: DUE_PAYMENTS_TIMEOUT_MS,
      run: (scope) => completeDuePayments(db, sagas, rootScope, scope),
    }),
    job({
      name: "remind-of-payments",
      everyMs: REMIND_MS,
      run: (scope) => remindOfPayments(db, scope),
    }),
    job({
      name: "expire-carts",
      everyMs: EXPIRE_CARTS_MS,
      run: (scope) => expireCarts(db, scope, settings.ORDER_CART_MS),
    }),
    job({
      name: "erase-customers",
      everyMs: ERASE_CUSTOMERS_MS,
      run: (scope) => eraseCustomers(db, scope),
    }),
  ],
  sagas: [
    placeOrderSaga,
    completePaymentSaga,
    giveUpPaymentSaga,
    cancelOrderSaga,
    cancelItemsSaga,
    shipOrderSaga,
    refundOrderSaga,
    receiveReturnSaga,
    editOrderSaga,
    exchangeOrderSaga,
  ],
});
