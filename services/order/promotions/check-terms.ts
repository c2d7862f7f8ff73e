import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import type { PromotionTerms, TieredOff } from "#gen/souk/order/v1/promotion_pb.ts";
import { ErrorReason, refuse } from "../errors.ts";

/** A field of the terms and what is wrong with it. */
export interface Violation {
  readonly field: string;
  readonly description: string;
}

/**
 * Checks what the rules of single fields cannot tell: that terms are whole and do not contradict themselves.
 *
 * @param terms the terms
 * @throws SoukError PROMOTION_INVALID
 */
export function checkTerms(terms: PromotionTerms): void {
  const violations = [...wholeness(terms), ...times(terms), ...amounts(terms)];
  if (violations.length > 0) throw termsInvalid(violations);
}

/**
 * The refusal of terms.
 *
 * @param violations what is wrong with them, at least one
 */
export function termsInvalid(violations: readonly Violation[]) {
  const inRequest = violations.map((it) => ({ ...it, field: `terms.${it.field}` }));
  const [first] = inRequest;
  const message = `${first?.field} ${first?.description}`;
  return refuse(ErrorReason.PROMOTION_INVALID, message, { violations: inRequest });
}

function* wholeness({ displayName, effect, usageLimit, usageLimitPerCustomer }: PromotionTerms) {
  if (displayName.trim() === "") yield violation("display_name", "is what customers see; give it one");
  if (effect.case === undefined) yield violation("effect", "is missing: say what the promotion does");
  if (usageLimit > 0n && usageLimitPerCustomer > usageLimit) {
    yield violation("usage_limit_per_customer", "is more than usage_limit; make it at most that");
  }
}

function* times({ startTime, endTime }: PromotionTerms) {
  if (startTime === undefined || endTime === undefined) return;
  if (timestampMs(endTime) > timestampMs(startTime)) return;
  yield violation("end_time", "is not after start_time");
}

function* amounts({ conditions, effect }: PromotionTerms) {
  yield* onePerCurrency("conditions.min_subtotals", conditions?.minSubtotals ?? []);
  if (effect.case === "percentageOff") {
    yield* onePerCurrency("percentage_off.max_amounts", effect.value.maxAmounts);
  }
  if (effect.case === "amountOff") yield* onePerCurrency("amount_off.amounts", effect.value.amounts);
  if (effect.case === "tieredOff") yield* tiers(effect.value);
}

function* tiers({ tiers }: TieredOff) {
  if (tiers.some(({ reached }) => reached.case === "minSubtotal" && reached.value.minor <= 0n)) {
    yield violation("tiered_off.tiers", "has a subtotal that is not more than 0");
  }
  const begins = tiers.map(({ reached: { case: of, value } }) =>
    of === "minSubtotal" ? `${value.minor} ${value.currency}` : String(value),
  );
  if (new Set(begins).size < begins.length) {
    yield violation("tiered_off.tiers", "has two tiers that begin alike; leave one out");
  }
}

function* onePerCurrency(field: string, amounts: readonly Money[]) {
  if (amounts.some(({ minor }) => minor <= 0n))
    yield violation(field, "has an amount that is not more than 0");
  if (new Set(amounts.map(({ currency }) => currency)).size < amounts.length) {
    yield violation(field, "has two amounts in one currency; leave one out");
  }
}

/**
 * Something that is wrong with terms.
 *
 * @param field the field of the terms
 * @param description what is wrong with it, and the remedy
 */
export function violation(field: string, description: string): Violation {
  return { field, description };
}
