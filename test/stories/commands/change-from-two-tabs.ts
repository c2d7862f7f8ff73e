import assert from "node:assert/strict";
import fc from "fast-check";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { addLine, lineOf } from "../cart-model.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { expectCart } from "../expect.ts";
import { goodsAt, shopperAt } from "../model.ts";
import { GOODS, SHOPPERS } from "./choices.ts";

/**
 * Changes a cart from two tabs that show the same cart, at once or one after the other, each only if nobody else has:
 * one of them is refused, reads again, repeats, and both changes are there.
 */
export const changeFromTwoTabs = fc.record({ by: SHOPPERS, goods: GOODS, atOnce: fc.boolean() }).map((args) =>
  command(
    "change from two tabs",
    args,
    async (model, shop) => {
      const shopper = shopperAt(model, args.by);
      const goods = args.goods % model.goods.length;
      const { variantId } = goodsAt(model, goods);
      const { currency, cartToken } = shopper;
      const cart = shop.call(CartService, shopper.customer);
      const read = async () => (await cart.getCart({ cartToken })).cart;
      const add = (etag = "") =>
        outcomeOf(cart.addItem({ variantId, quantity: 1n, currency, cartToken, etag }));

      const shown = await read();
      const outcomes = args.atOnce
        ? await Promise.all([add(shown?.etag), add(shown?.etag)])
        : [await add(shown?.etag), await add(shown?.etag)];
      const [first] = outcomes.filter((outcome) => "answer" in outcome);
      const [second] = outcomes.filter((outcome) => outcome !== first);
      assert.ok(first && second, "one of the tabs comes first");
      if (!args.atOnce) assert.equal(first, outcomes[0]);
      refused(second, "ETAG_MISMATCH");
      const isNew = lineOf(shopper.cart, { goods, note: "" }) === undefined;
      const id = isNew ? answered(first).cart?.lines.at(-1)?.id : undefined;
      addLine(model, shopper, { goods, note: "", quantity: 1n }, id);
      expectCart(answered(first).cart, model, shopper);

      const again = answered(await add((await read())?.etag)).cart;
      addLine(model, shopper, { goods, note: "", quantity: 1n });
      expectCart(again, model, shopper);
    },
    (model) => shopperAt(model, args.by).cart.every(({ quantity }) => quantity < 900n),
  ),
);
