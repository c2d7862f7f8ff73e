import fc from "fast-check";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { isUsed } from "../cart-model.ts";
import { command, outcomeOf, refused } from "../command.ts";
import { goodsAt, shopperAt } from "../model.ts";
import { GOODS, SHOPPERS } from "./choices.ts";

/** Tries to put into a cart what is asked for in another currency, or what is not sold at all. */
export const addForeignItem = fc.record({ by: SHOPPERS, goods: GOODS, isSold: fc.boolean() }).map((args) =>
  command(
    "add foreign item",
    args,
    async (model, shop) => {
      const { customer, currency: own, cartToken } = shopperAt(model, args.by);
      const variantId = args.isSold ? goodsAt(model, args.goods).variantId : shop.unique();
      const currency = args.isSold && own === "EUR" ? "USD" : args.isSold ? "EUR" : own;
      const cart = shop.call(CartService, customer);
      const outcome = await outcomeOf(cart.addItem({ variantId, quantity: 1n, currency, cartToken }));
      refused(outcome, args.isSold ? "CURRENCY_MISMATCH" : "VARIANT_NOT_FOUND");
    },
    // An empty cart takes any currency.
    (model) => !args.isSold || isUsed(shopperAt(model, args.by)),
  ),
);
