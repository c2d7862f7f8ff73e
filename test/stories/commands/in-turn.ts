import fc from "fast-check";
import type { Command } from "../command.ts";

/**
 * Makes one step of several that follow one another, each where it can be done by then: so that stories come to what
 * takes long to come about by chance.
 *
 * @param steps the steps
 */
export function inTurn(...steps: readonly fc.Arbitrary<Command>[]): fc.Arbitrary<Command> {
  return fc.tuple(...steps).map((all) => ({
    check: () => true,
    async run(model, shop) {
      for (const step of all) if (await step.check(model)) await step.run(model, shop);
    },
    toString: () => all.join(", then "),
  }));
}
