import fc from "fast-check";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { type Counter, command } from "../command.ts";
import { expectCart } from "../expect.ts";
import { newShopper } from "../model.ts";
import type { Currency } from "../reckon.ts";
import { MOST_SHOPPERS } from "./register.ts";

/** Somebody comes who does not sign in. */
export const comeAsGuest = fc.record({ currency: fc.constantFrom<Currency>("EUR", "USD") }).map((args) =>
  command(
    "come as guest",
    args,
    async (model, shop) => {
      const customer = { id: "", email: `${shop.unique()}@example.com`, accessToken: "" };
      const { cartToken, cart } = await openCart(shop, args.currency);
      const guest = newShopper(customer, { ...args, cartToken });
      expectCart(cart, model, guest);
      model.shoppers.push(guest);
    },
    (model) => model.shoppers.length < MOST_SHOPPERS,
  ),
);

/** Makes a cart for somebody who is not signed in. */
export function openCart(shop: Counter, currency: Currency) {
  return shop.call(CartService, { accessToken: "" }).createGuestCart({ currency });
}
