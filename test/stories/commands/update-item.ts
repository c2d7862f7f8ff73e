import fc from "fast-check";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { expectCart } from "../expect.ts";
import { shopperAt } from "../model.ts";
import { SHOPPERS, WHICH } from "./choices.ts";

/** Sets the quantity of a line of somebody's cart, or tries to in somebody else's. */
export const updateItem = fc
  .record({ of: SHOPPERS, by: SHOPPERS, line: WHICH, quantity: fc.bigInt(0n, 6n) })
  .map((args) =>
    command(
      "update item",
      args,
      async (model, shop) => {
        const owner = shopperAt(model, args.of);
        const shopper = shopperAt(model, args.by);
        const line = owner.cart[args.line % owner.cart.length];
        if (line === undefined) throw new Error("the check lets no empty cart through");
        const request = { lineId: line.id, quantity: args.quantity, cartToken: shopper.cartToken };
        const outcome = await outcomeOf(shop.call(CartService, shopper.customer).updateItem(request));
        if (owner !== shopper && args.quantity > 0n) {
          refused(outcome, "LINE_NOT_FOUND");
          return;
        }
        if (owner === shopper) {
          line.quantity = args.quantity;
          shopper.cart = shopper.cart.filter(({ quantity }) => quantity > 0n);
        }
        expectCart(answered(outcome).cart, model, shopper);
      },
      (model) => shopperAt(model, args.of).cart.length > 0,
    ),
  );
