import fc from "fast-check";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
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
        const tabs = Array.from({ length: args.tabs }, () =>
          outcomeOf(cart.addItem({ variantId, quantity: 1n, currency: shopper.currency })),
        );
        for (const outcome of await Promise.all(tabs)) answered(outcome);

        const { cart: after } = await cart.getCart({});
        const line = shopper.cart.find((it) => it.goods === goods && it.note === "");
        const quantity = BigInt(args.tabs);
        if (line) line.quantity += quantity;
        else shopper.cart.push({ id: after?.lines.at(-1)?.id ?? "", goods, note: "", quantity });
        expectCart(after, model, shopper);
      },
      (model) => shopperAt(model, args.by).cart.every(({ quantity }) => quantity < 900n),
    ),
  );
