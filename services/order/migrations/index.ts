import type { Migrations } from "#kit/data/migrations.ts";
import { createCart } from "./0001-create-cart.ts";
import { createOrder } from "./0002-create-order.ts";
import { tellChangesAfterCommit } from "./0003-tell-changes-after-commit.ts";
import { keepTotals } from "./0004-keep-totals.ts";
import { cartsOfGuests } from "./0005-carts-of-guests.ts";
import { promotions } from "./0006-promotions.ts";
import { afterTheSale } from "./0010-after-the-sale.ts";
import { meansOfPayment } from "./0012-means-of-payment.ts";
import { editAndExchange } from "./0013-edit-and-exchange.ts";
import { ordersInTurn } from "./0014-orders-in-turn.ts";
import { freeExchanges } from "./0015-free-exchanges.ts";
import { paymentReminders } from "./0016-payment-reminders.ts";
import { knownCustomers } from "./0017-known-customers.ts";
import { backOrders } from "./0018-back-orders.ts";

/** How order's schema came to be. */
export const migrations: Migrations = [
  createCart,
  createOrder,
  tellChangesAfterCommit,
  keepTotals,
  cartsOfGuests,
  promotions,
  afterTheSale,
  meansOfPayment,
  editAndExchange,
  ordersInTurn,
  freeExchanges,
  paymentReminders,
  knownCustomers,
  backOrders,
];
