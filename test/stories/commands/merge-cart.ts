import fc from "fast-check";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { mergeCart as mergeInModel } from "../cart-model.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { expectCart } from "../expect.ts";
import type { Model } from "../model.ts";
import { oneOf } from "../model.ts";
import { SHOPPERS } from "./choices.ts";
import { openCart } from "./come-as-guest.ts";

/** A guest signs in as a customer, from several tabs at once: the cart is merged once, and its token serves no more. */
export const mergeCart = fc
  .record({ guest: SHOPPERS, into: SHOPPERS, tabs: fc.constantFrom(1, 1, 3) })
  .map((args) =>
    command(
      "merge cart",
      args,
      async (model, shop) => {
        const guest = oneOf(guestsOf(model), args.guest);
        const customer = oneOf(customersOf(model), args.into);
        const { cartToken } = guest;
        const own = shop.call(CartService, customer.customer);
        const merge = () => outcomeOf(own.mergeCart({ cartToken }));
        const outcomes = await Promise.all(Array.from({ length: args.tabs }, merge));
        if (!mergeInModel(guest, customer)) {
          for (const outcome of outcomes) refused(outcome, "CART_TOO_LARGE");
          return;
        }
        for (const outcome of [...outcomes, await merge()]) {
          expectCart(answered(outcome).cart, model, customer);
        }
        const door = shop.call(CartService, guest.customer);
        refused(await outcomeOf(door.getCart({ cartToken })), "CART_NOT_FOUND");
        guest.cartToken = (await openCart(shop, guest.currency)).cartToken;
      },
      (model) => guestsOf(model).length > 0,
    ),
  );

function guestsOf({ shoppers }: Readonly<Model>) {
  return shoppers.filter(({ isGuest }) => isGuest);
}

function customersOf({ shoppers }: Readonly<Model>) {
  return shoppers.filter(({ isGuest }) => !isGuest);
}
