import fc from "fast-check";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { addLine, lineOf } from "../cart-model.ts";
import { answered, command, outcomeOf } from "../command.ts";
import { expectCart } from "../expect.ts";
import { goodsAt, shopperAt } from "../model.ts";
import { GOODS, SHOPPERS } from "./choices.ts";

/** Changes one cart from several tabs at once: nothing of it is lost. */
export const addAtOnce = fc
  .record({ by: SHOPPERS, goods: GOODS, tabs: fc.integer({ min: 2, max: 4 }) })
  .map((args) =>
    command(
      "add at once",
      args,
      async (model, shop) => {
        const shopper = shopperAt(model, args.by);
        const goods = args.goods % model.goods.length;
        const { variantId } = goodsAt(model, goods);
        const cart = shop.call(CartService, shopper.customer);
        const { currency, cartToken } = shopper;
        const tabs = Array.from({ length: args.tabs }, () =>
          outcomeOf(cart.addItem({ variantId, quantity: 1n, currency, cartToken })),
        );
        for (const outcome of await Promise.all(tabs)) answered(outcome);

        const { cart: after } = await cart.getCart({ cartToken });
        const isNew = lineOf(shopper.cart, { goods, note: "" }) === undefined;
        const id = isNew ? after?.lines.at(-1)?.id : undefined;
        addLine(model, shopper, { goods, note: "", quantity: BigInt(args.tabs) }, id);
        expectCart(after, model, shopper);
      },
      (model) => shopperAt(model, args.by).cart.every(({ quantity }) => quantity < 900n),
    ),
  );
