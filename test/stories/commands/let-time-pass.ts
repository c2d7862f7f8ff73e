import assert from "node:assert/strict";
import fc from "fast-check";
import { eventually } from "../../eventually.ts";
import { command } from "../command.ts";
import { moveStock } from "../model.ts";

/** Lets two hours pass: what was set aside and not paid is given back by inventory's job, and nothing else. */
export const letTimePass = fc.constant({}).map((args) =>
  command(
    "let time pass",
    args,
    async (model, shop) => {
      const held = model.holds.filter(({ state }) => state === "HELD");
      const ids = held.map(({ id }) => id);
      await shop.ask(
        "inventory",
        "update reservation set expire_time = expire_time - interval '2 hours' where id = any ($1)",
        [ids],
      );
      for (const hold of held) {
        moveStock(model, [{ ...hold, note: "" }], "back");
        hold.state = "RELEASED";
      }
      await eventually(async () => {
        const due = await shop.ask(
          "inventory",
          "select id from reservation where id = any ($1) and state = 'HELD'",
          [ids],
        );
        assert.deepEqual(due, [], "what is still set aside although its time is up");
      });
    },
    (model) => model.holds.some(({ state }) => state === "HELD"),
  ),
);
