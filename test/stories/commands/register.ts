import fc from "fast-check";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { answered, command, outcomeOf, refused } from "../command.ts";
import { newShopper, tell } from "../model.ts";

/** So many can shop in a story. */
export const MOST_SHOPPERS = 4;

/** Somebody new comes, registers, and cannot do so again. */
export const register = fc.constant({}).map((args) =>
  command(
    "register",
    args,
    async (model, shop) => {
      const email = `${shop.unique()}@example.com`;
      const account = { email, password: "correct horse battery", firstName: "Ada", lastName: "Lovelace" };
      const door = shop.call(AuthService, { accessToken: "" });
      const { user, tokens } = answered(await outcomeOf(door.register(account)));
      refused(await outcomeOf(door.register(account)), "EMAIL_TAKEN");
      const shopper = newShopper({ id: user?.id ?? "", email, accessToken: tokens?.accessToken ?? "" });
      tell(shopper, { topic: "welcome" });
      // With it the address is confirmed.
      shopper.mailsAlone++;
      model.shoppers.push(shopper);
    },
    (model) => model.shoppers.length < MOST_SHOPPERS,
  ),
);
