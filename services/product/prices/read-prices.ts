import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { SetVariantPricesRequest, VariantPrice } from "#gen/souk/product/v1/product_input_pb.ts";
import { decimalsOf } from "#kit/currency.ts";
import { invalid, type Violation } from "../invalid.ts";
import type { ConditionalPrice } from "./conditional-price.ts";
import type { PricesToSet } from "./set-variant-prices.ts";

/**
 * Reads the prices that staff writes for variants.
 *
 * @param requests as the contract lets them pass
 * @param fieldOf where a request stands, for example "variants[0]."
 * @throws SoukError INVALID_REQUEST naming each that is no price, or stands under the same conditions as another
 */
export function readPricesToSet(
  requests: readonly SetVariantPricesRequest[],
  fieldOf: (at: number) => string,
): PricesToSet[] {
  const ids = requests.map(({ variantId }) => variantId.toLowerCase());
  const violations: Violation[] = [];
  const wanted = requests.map(({ prices, etag }, at) => {
    const variantId = ids[at] as string;
    const first = ids.indexOf(variantId);
    if (first !== at) {
      const description = `is the variant of ${fieldOf(first)} too; name each once`;
      violations.push({ field: `${fieldOf(at)}variant_id`, description });
    }
    const read = prices.map(toConditionalPrice);
    violations.push(...violationsOf(read, fieldOf(at)));
    return { variantId, prices: read, etag };
  });
  if (violations.length > 0) throw invalid(...violations);
  return wanted;
}

function violationsOf(prices: readonly ConditionalPrice[], prefix: string): Violation[] {
  const firsts = new Map<string, number>();
  return prices.flatMap((price, at): Violation[] => {
    const field = `${prefix}prices[${at}]`;
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
