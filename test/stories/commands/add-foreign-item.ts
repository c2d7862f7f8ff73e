import fc from "fast-check";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { command, outcomeOf, refused } from "../command.ts";
import { shopperAt } from "../model.ts";
import { SHOPPERS } from "./choices.ts";

/** Tries to put into a cart what is sold in another currency, or what is not sold at all. */
export const addForeignItem = fc.record({ by: SHOPPERS, isSold: fc.boolean() }).map((args) =>
  command("add foreign item", args, async (model, shop) => {
    const { customer } = shopperAt(model, args.by);
    const variantId = args.isSold ? model.foreignVariantId : shop.unique();
    const outcome = await outcomeOf(shop.call(CartService, customer).addItem({ variantId, quantity: 1n }));
    refused(outcome, args.isSold ? "CURRENCY_MISMATCH" : "VARIANT_NOT_FOUND");
  }),
);
