import { Invoice, InvoiceCounter, OrderReturn, Refund, Shipment } from "./entities/after-sale.ts";
import { Cart, CartLine } from "./entities/cart.ts";
import { CustomerGroups, ForgottenCustomer } from "./entities/customer.ts";
import { Order, OrderLine, OrderTimeline } from "./entities/order.ts";
import { Promotion, PromotionCode, PromotionCustomer, PromotionUse } from "./entities/promotion.ts";

/** The tables of order. */
export const entities = [
  Cart,
  CartLine,
  Order,
  OrderLine,
  Promotion,
  PromotionCode,
  PromotionUse,
  PromotionCustomer,
  OrderTimeline,
  Shipment,
  Refund,
  OrderReturn,
  InvoiceCounter,
  Invoice,
  CustomerGroups,
  ForgottenCustomer,
] as const;
