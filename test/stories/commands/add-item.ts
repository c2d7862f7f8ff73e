import fc from "fast-check";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { addLine, lineOf } from "../cart-model.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { expectCart } from "../expect.ts";
import { goodsAt, MOST_OF_A_LINE, shopperAt } from "../model.ts";
import { GOODS, NOTES, SHOPPERS } from "./choices.ts";

/** Puts something into a cart, sometimes twice with the same key, sometimes too much. */
export const addItem = fc
  .record({
    by: SHOPPERS,
    goods: GOODS,
    quantity: fc.oneof(
      { weight: 9, arbitrary: fc.bigInt(1n, 4n) },
      { weight: 1, arbitrary: fc.constant(MOST_OF_A_LINE) },
    ),
    note: NOTES,
    twice: fc.boolean(),
  })
  .map((args) =>
    command("add item", args, async (model, shop) => {
      const shopper = shopperAt(model, args.by);
      const goods = args.goods % model.goods.length;
      const { quantity, note } = args;
      const { currency, cartToken } = shopper;
      const { variantId } = goodsAt(model, goods);
      const cart = shop.call(CartService, shopper.customer);
      const options = { idempotencyKey: shop.unique() };
      const add = () => outcomeOf(cart.addItem({ variantId, quantity, note, currency, cartToken }, options));

      const line = lineOf(shopper.cart, { goods, note });
      const outcome = await add();
      if ((line?.quantity ?? 0n) + quantity > MOST_OF_A_LINE) {
        const { limit } = refused(outcome, "CART_TOO_LARGE");
        if (limit !== String(MOST_OF_A_LINE)) throw new Error(`the limit is said to be ${limit}`);
        return;
      }
      const { lines = [] } = answered(outcome).cart ?? {};
      addLine(model, shopper, { goods, note, quantity }, lines.at(-1)?.id);
      expectCart(answered(outcome).cart, model, shopper);
      if (args.twice) expectCart(answered(await add()).cart, model, shopper);
    }),
  );
