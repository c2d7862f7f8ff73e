import fc from "fast-check";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { command } from "../command.ts";
import { expectCart } from "../expect.ts";
import { shopperAt } from "../model.ts";
import { SHOPPERS } from "./choices.ts";

/** Empties a cart. */
export const clearCart = fc.record({ by: SHOPPERS }).map((args) =>
  command("clear cart", args, async (model, shop) => {
    const shopper = shopperAt(model, args.by);
    const { cartToken } = shopper;
    const { cart } = await shop.call(CartService, shopper.customer).clearCart({ cartToken });
    shopper.cart = [];
    expectCart(cart, model, shopper);
  }),
);
