import type { MessageInitShape } from "@bufbuild/protobuf";
import type { DiscountSchema, IdleCouponSchema, TaxAmountSchema } from "#gen/souk/order/v1/totals_pb.ts";
import { money } from "#kit/money.ts";
import { add } from "./pricing/rates.ts";
import type { Discount, IdleCoupon, ItemTotals, Tax, Totals } from "./pricing/totals.ts";

/** A discount in a JSON column; amounts are decimal texts there, so that they stay whole. */
export type StoredDiscount = Omit<Discount, "amount" | "pieces"> & {
  readonly amount: string;
  readonly pieces?: string;
};

/** A tax in a JSON column. */
export type StoredTax = Pick<Tax, "included" | "reverseCharge"> & {
  readonly name: string;
  readonly ppm: string;
  readonly base: string;
  readonly amount: string;
};

/** What an item comes to, as it is stored beside its subtotal and its total. */
export interface StoredItem {
  readonly subtotal: bigint;
  readonly discounts: readonly StoredDiscount[];
  readonly taxes: readonly StoredTax[];
  readonly total: bigint;
}

/**
 * Discounts as they are stored.
 *
 * @param discounts the discounts
 */
export function toStoredDiscounts(discounts: readonly Discount[]): StoredDiscount[] {
  return discounts.map(({ amount, pieces, ...discount }) => ({
    ...discount,
    amount: String(amount),
    ...(pieces !== undefined && { pieces: String(pieces) }),
  }));
}

/**
 * Taxes as they are stored.
 *
 * @param taxes the taxes
 */
export function toStoredTaxes(taxes: readonly Tax[]): StoredTax[] {
  return taxes.map(({ rate, base, amount, included, reverseCharge }) => ({
    name: rate.name,
    ppm: String(rate.ppm),
    base: String(base),
    amount: String(amount),
    included,
    reverseCharge,
  }));
}

/**
 * The tax that is contained in what is to pay, in minor units.
 *
 * @param totals what an order costs
 */
export function taxIncludedIn({ taxes }: Totals): bigint {
  return add(taxes.filter(({ included }) => included).map(({ amount }) => amount));
}

/**
 * What an order comes to, as it is stored beside its lines.
 *
 * @param totals what it costs
 */
export function toStoredTotals(totals: Totals) {
  const { subtotal, shipping, discounts, taxes, total } = totals;
  return {
    subtotal,
    shipping: shipping.subtotal,
    shipping_discounts: toStoredDiscounts(shipping.discounts),
    shipping_taxes: toStoredTaxes(shipping.taxes),
    shipping_total: shipping.total,
    discounts: toStoredDiscounts(discounts),
    taxes: toStoredTaxes(taxes),
    tax_included: taxIncludedIn(totals),
    total,
  };
}

/**
 * What a line of an order, or its shipping, comes to: what partOfLine divides.
 *
 * @param item the line as stored, or what shippingItemOf gives
 */
export function toItemTotals({ subtotal, discounts, taxes, total }: StoredItem): ItemTotals {
  return {
    subtotal,
    discounts: discounts.map(({ amount, pieces, ...discount }) => ({
      ...discount,
      amount: BigInt(amount),
      ...(pieces !== undefined && { pieces: BigInt(pieces) }),
    })),
    taxes: taxes.map(({ name, ppm, base, amount, included, reverseCharge }) => ({
      rate: { name, ppm: BigInt(ppm) },
      base: BigInt(base),
      amount: BigInt(amount),
      included,
      reverseCharge,
    })),
    total,
  };
}

/**
 * A discount as callers are told of it.
 *
 * @param discount the discount, reckoned or stored
 * @param currency an ISO 4217 code
 */
export function toDiscount(
  { promotionId, displayName, couponCode, amount }: Discount | StoredDiscount,
  currency: string,
): MessageInitShape<typeof DiscountSchema> {
  return { promotionId, displayName, couponCode, amount: money(BigInt(amount), currency) };
}

/**
 * A coupon that takes nothing off as callers are told of it.
 *
 * @param idle the coupon
 * @param currency an ISO 4217 code
 */
export function toIdleCoupon(
  { missingAmount, ...idle }: IdleCoupon,
  currency: string,
): MessageInitShape<typeof IdleCouponSchema> {
  return { ...idle, ...(missingAmount && { missingAmount: money(missingAmount, currency) }) };
}

/**
 * A tax as callers are told of it.
 *
 * @param tax the tax as stored
 * @param currency an ISO 4217 code
 */
export function toTaxAmount(
  { name, ppm, base, amount, included, reverseCharge }: StoredTax,
  currency: string,
): MessageInitShape<typeof TaxAmountSchema> {
  return {
    displayName: name,
    ratePpm: Number(ppm),
    base: money(BigInt(base), currency),
    amount: money(BigInt(amount), currency),
    included,
    reverseCharge,
  };
}

/**
 * The sum of some discounts, in minor units.
 *
 * @param discounts the discounts, reckoned or stored
 */
export function sumOfDiscounts(discounts: readonly (Discount | StoredDiscount)[]): bigint {
  return discounts.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
}

/**
 * Shipping as an item of an order, for toItemTotals.
 *
 * @param order the order as stored
 */
export function shippingItemOf(order: {
  readonly shipping: bigint;
  readonly shipping_discounts: readonly StoredDiscount[];
  readonly shipping_taxes: readonly StoredTax[];
  readonly shipping_total: bigint;
}): StoredItem {
  return {
    subtotal: order.shipping,
    discounts: order.shipping_discounts,
    taxes: order.shipping_taxes,
    total: order.shipping_total,
  };
}
