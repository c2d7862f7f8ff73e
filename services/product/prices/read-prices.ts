import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { VariantPrice } from "#gen/souk/product/v1/product_input_pb.ts";
import { decimalsOf } from "../import/currency.ts";
import { invalid, type Violation } from "../invalid.ts";
import type { ConditionalPrice } from "./conditional-price.ts";

/**
 * Reads the prices that staff writes.
 *
 * @param prices as the contract lets them pass
 * @throws SoukError INVALID_REQUEST naming each that is no price, or stands under the same conditions as another
 */
export function readVariantPricesToSet(prices: readonly VariantPrice[]): ConditionalPrice[] {
  const read = prices.map(toConditionalPrice);
  const firsts = new Map<string, number>();
  const violations = read.flatMap((price, at): Violation[] => {
    const field = `prices[${at}]`;
    const first = firsts.get(conditionsOf(price));
    firsts.set(conditionsOf(price), first ?? at);
    if (decimalsOf(price.currency) === undefined) {
      return [{ field: `${field}.price.currency`, description: noCurrency(price.currency) }];
    }
    if (price.start !== undefined && price.end !== undefined && price.end <= price.start) {
      return [{ field: `${field}.end_time`, description: "must be later than start_time" }];
    }
    if (first === undefined) return [];
    return [{ field, description: `stands under the same conditions as prices[${first}]; leave one out` }];
  });
  if (violations.length > 0) throw invalid(...violations);
  return read;
}

/** Says that a text is no currency. */
export function noCurrency(currency: string): string {
  return `${currency} is not a currency of ISO 4217`;
}

function toConditionalPrice(it: VariantPrice): ConditionalPrice {
  return {
    minor: it.price?.minor ?? 0n,
    currency: it.price?.currency ?? "",
    customerGroup: it.customerGroup,
    minQuantity: it.minQuantity,
    start: it.startTime && timestampDate(it.startTime),
    end: it.endTime && timestampDate(it.endTime),
    sale: it.sale,
  };
}

/** From none on is from one on. */
function conditionsOf({ currency, customerGroup, minQuantity, start, end, sale }: ConditionalPrice): string {
  return JSON.stringify([currency, customerGroup, `${minQuantity || 1n}`, start, end, sale]);
}
