import type { PromotionTerms } from "#gen/souk/order/v1/promotion_pb.ts";
import type { TaxRules } from "./tax/tax-rules.ts";
import type { Discount } from "./totals.ts";

/** All that the price of an order follows from; amounts are minor units of its one currency. */
export interface OrderToPrice {
  /** An ISO 4217 code. */
  readonly currency: string;
  readonly lines: readonly LineToPrice[];
  /** Left out while it is not known how the order is shipped. */
  readonly shipping?: ShippingToPrice | undefined;
  /** Those that are in force and may still be used; whether they apply is found out here. */
  readonly promotions: readonly Offer[];
  readonly customer: Customer;
  /** Where the order goes, as far as it is known. */
  readonly destination?: Destination | undefined;
  readonly tax: TaxRules;
}

/** A number of one variant. */
export interface LineToPrice {
  readonly id: string;
  readonly productId: string;
  /** "" where the product is in none. */
  readonly categoryId: string;
  /** How the product is taxed, for example "standard" or "books". */
  readonly taxClass: string;
  readonly quantity: bigint;
  /** What one costs, with or without tax as the tax rules say. */
  readonly unitPrice: bigint;
  /** What is taken off it before any of the promotions, which are others than these; nothing when left out. */
  readonly discounts?: readonly Discount[];
}

/** A way of shipping the order and what it costs. */
export interface ShippingToPrice {
  /** The id of the method. */
  readonly method: string;
  readonly cost: bigint;
}

/** A promotion that may apply. */
export interface Offer {
  readonly id: string;
  readonly terms: PromotionTerms;
  /** The code with which the customer asked for it; "" for an automatic one. */
  readonly couponCode: string;
}

/** What promotions and taxes ask of a customer. */
export interface Customer {
  readonly groups: readonly string[];
  /** Whether the customer has no order yet. */
  readonly isNew: boolean;
  /** The confirmed VAT number of the customer's company; "" where there is none. */
  readonly vatId: string;
}

/** Where an order goes. */
export interface Destination {
  /** ISO 3166-1 alpha-2. */
  readonly countryCode: string;
  /** A state or province; "" where it does not matter. */
  readonly region: string;
}
