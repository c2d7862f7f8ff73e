import type { CouponObstacle } from "#gen/souk/order/v1/totals_pb.ts";
import type { TaxRate } from "./tax/tax-rules.ts";

/** What an order costs, to the minor unit: every sum is the sum of its parts. */
export interface Totals {
  readonly currency: string;
  /** In the order of the lines given. */
  readonly lines: readonly LineTotals[];
  readonly shipping: ItemTotals;
  /** What the lines cost before promotions and taxes that come on top. */
  readonly subtotal: bigint;
  /** What each promotion takes off, shipping included, in the order in which they were applied. */
  readonly discounts: readonly Discount[];
  /** The coupons that take nothing off, in the order in which they were tried. */
  readonly idleCoupons: readonly IdleCoupon[];
  /** By rate, shipping included. */
  readonly taxes: readonly Tax[];
  /** What is to pay. */
  readonly total: bigint;
}

/** What a line comes to. */
export interface LineTotals extends ItemTotals {
  readonly lineId: string;
}

/** What a line, or shipping, comes to. */
export interface ItemTotals {
  /** Before promotions and taxes that come on top. */
  readonly subtotal: bigint;
  readonly discounts: readonly Discount[];
  readonly taxes: readonly Tax[];
  /** What is to pay for it. */
  readonly total: bigint;
}

/** What a promotion takes off. */
export interface Discount {
  readonly promotionId: string;
  readonly displayName: string;
  readonly couponCode: string;
  /** A positive amount; 0 only where a promotion ships for nothing what costs nothing. */
  readonly amount: bigint;
  /** Off how many pieces of its line it is, the first ones; off all of them when left out. */
  readonly pieces?: bigint;
}

/** Why a promotion takes nothing off. */
export interface Obstacle {
  readonly obstacle: CouponObstacle;
  /** How many pieces more it takes, where too few are there. */
  readonly missingQuantity?: bigint;
  /** How much more the lines must cost, where they cost too little. */
  readonly missingAmount?: bigint;
}

/** A coupon that takes nothing off. */
export interface IdleCoupon extends Obstacle {
  readonly couponCode: string;
}

/** A tax on what is to pay. */
export interface Tax {
  readonly rate: TaxRate;
  /** What it is reckoned on, without the tax itself. */
  readonly base: bigint;
  readonly amount: bigint;
  /** Whether prices contain it; otherwise it comes on top. */
  readonly included: boolean;
  /** Whether the customer's company owes it instead of the shop; the amount is 0 then. */
  readonly reverseCharge: boolean;
}
