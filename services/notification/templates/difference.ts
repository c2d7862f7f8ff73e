import { create } from "@bufbuild/protobuf";
import { type Money, MoneySchema } from "#gen/souk/mesh/v1/money_pb.ts";
import { formatMoney } from "./format-money.ts";

/**
 * What a change costs, as it goes on after "costs you".
 *
 * @param difference negative when it costs less
 * @throws Error when it is left out
 */
export function formatDifference(difference: Money | undefined): string {
  if (difference === undefined) throw new Error("the change lacks what it costs");
  const { minor, currency } = difference;
  if (minor === 0n) return "nothing";
  const amount = formatMoney(create(MoneySchema, { currency, minor: minor < 0n ? -minor : minor }));
  return minor > 0n ? `${amount} more` : `${amount} less`;
}
