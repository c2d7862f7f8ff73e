import type { Destination } from "../order-to-price.ts";

/** Says how an order can be shipped, and what that costs. */
export interface ShippingRules {
  /**
   * The ways of shipping a parcel to a place, the cheapest first.
   *
   * @param parcel what is shipped
   * @param destination where to
   */
  offersFor(parcel: Parcel, destination: Destination): readonly ShippingOffer[];
  /** The ids of all ways of shipping that there are, wherever to. */
  readonly methods: ReadonlySet<string>;
  /** The currencies in which something is shipped somewhere: in no other one can be ordered. */
  readonly currencies: ReadonlySet<string>;
}

/** What is shipped together. */
export interface Parcel {
  /** An ISO 4217 code. */
  readonly currency: string;
  /** What the lines cost before promotions, in minor units. */
  readonly subtotal: bigint;
  readonly grams: bigint;
  readonly pieces: bigint;
}

/** A way of shipping and what it costs for a parcel. */
export interface ShippingOffer {
  /** What requests and orders call it. */
  readonly method: string;
  /** What people call it. */
  readonly name: string;
  /** In minor units. */
  readonly cost: bigint;
  /** Whether the customer fetches the order. */
  readonly isPickUp: boolean;
}
