import { print } from "../print.ts";
import { formatNumber, printColumns } from "./figures.ts";
import type { OutagesResult } from "./outages.ts";

/**
 * Prints what came of the outages: what customers noticed of each, and what was lost.
 *
 * @param result what came of them
 */
export function printOutages({ outages, purchases, faults }: OutagesResult): void {
  const seconds = (ms: number) => formatNumber(ms / 1_000);
  printColumns([
    ["killed", "away s", "confirmed meanwhile", "calls repeated", "confirmed again after s"],
    ...outages.map(({ part, awayMs, confirmed, repeated, againMs }) => [
      part,
      seconds(awayMs),
      String(confirmed),
      String(repeated),
      againMs === undefined ? "never" : seconds(againMs),
    ]),
  ]);
  const refusals = new Map<string, number>();
  for (const { refusal } of purchases)
    if (refusal !== undefined) refusals.set(refusal, (refusals.get(refusal) ?? 0) + 1);
  print("");
  printColumns([
    ["orders", "", "goal"],
    ["asked for", String(purchases.length), ""],
    ["confirmed", String(purchases.filter(({ orderId }) => orderId !== undefined).length), ""],
    ...[...refusals].map(([reason, count]) => [`refused: ${reason}`, String(count), ""]),
    ...Object.entries(NAMES).map(([fault, name]) => [name, String(faults[fault as keyof typeof NAMES]), "0"]),
  ]);
}

const NAMES: Readonly<Record<keyof OutagesResult["faults"], string>> = {
  lost: "lost: confirmed, and gone",
  undecided: "never decided",
  twice: "twice: ordered, or told of",
  chargedForNothing: "charged without an order",
  unpaid: "not charged",
  stockOff: "variants whose stock is off",
  eventsMissing: "events missing",
};
