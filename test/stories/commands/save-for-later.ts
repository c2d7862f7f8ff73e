import fc from "fast-check";
import { type Cart, CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { moveLine } from "../cart-model.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { expectCart } from "../expect.ts";
import { oneOf, shopperAt } from "../model.ts";
import { SHOPPERS, WHICH } from "./choices.ts";

/** Puts a line aside or takes it back, wherever it is; or tries to in somebody else's cart. */
export const saveForLater = fc
  .record({ of: SHOPPERS, by: SHOPPERS, line: WHICH, to: fc.constantFrom("cart", "saved", "saved") })
  .map((args) =>
    command(
      "save for later",
      args,
      async (model, shop) => {
        const owner = shopperAt(model, args.of);
        const shopper = shopperAt(model, args.by);
        const line = oneOf([...owner.cart, ...owner.saved], args.line);
        const to = args.to as "cart" | "saved";
        const request = { lineId: line.id, cartToken: shopper.cartToken };
        const cart = shop.call(CartService, shopper.customer);
        const move: Promise<{ cart?: Cart | undefined }> =
          to === "cart" ? cart.moveToCart(request) : cart.saveForLater(request);
        const outcome = await outcomeOf(move);
        if (owner !== shopper) refused(outcome, "LINE_NOT_FOUND");
        else if (moveLine(shopper, line, to)) expectCart(answered(outcome).cart, model, shopper);
        else refused(outcome, "CART_TOO_LARGE");
      },
      (model) => {
        const { cart, saved } = shopperAt(model, args.of);
        return cart.length + saved.length > 0;
      },
    ),
  );
