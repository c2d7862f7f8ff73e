import type { Destination } from "../order-to-price.ts";
import type { Parcel, ShippingOffer, ShippingRules } from "./shipping-rules.ts";

/** How a shop ships, as a merchant writes it down. */
export interface ShippingTable {
  /** The first one that a place belongs to counts; to a place that belongs to none nothing is shipped. */
  readonly zones: readonly ShippingZone[];
}

/** Places that are shipped to alike. */
export interface ShippingZone {
  readonly name: string;
  /** Countries, or "country-region" for a part of one; "*" for everywhere else. */
  readonly places: readonly string[];
  readonly methods: readonly ShippingMethod[];
}

/** A way of shipping. */
export interface ShippingMethod {
  readonly id: string;
  readonly name: string;
  readonly isPickUp?: boolean;
  /** The ladder by which it is charged, one a currency; it is not to be had in a currency without one. */
  readonly rates: Readonly<Record<string, ShippingRate>>;
}

/** What a way of shipping costs in one currency. */
export interface ShippingRate {
  /** What the steps count; a rate that is always the same has one step. */
  readonly by: "weight" | "subtotal" | "pieces";
  /** In ascending order; a parcel beyond the last step is not shipped this way. */
  readonly steps: readonly ShippingStep[];
  /** The subtotal from which it costs nothing, in minor units; never when left out. */
  readonly freeFrom?: bigint;
}

/** What a parcel costs up to a size. */
export interface ShippingStep {
  /** Grams, minor units or pieces, this one included; without it there is no limit. */
  readonly upTo?: bigint;
  /** In minor units. */
  readonly cost: bigint;
}

/**
 * Makes shipping rules of a table.
 *
 * @param table the zones
 */
export function shippingTable({ zones }: ShippingTable): ShippingRules {
  const methods = zones.flatMap((zone) => zone.methods);
  return {
    methods: new Set(methods.map(({ id }) => id)),
    currencies: new Set(methods.flatMap(({ rates }) => Object.keys(rates))),
    offersFor(parcel, destination) {
      const zone = zones.find(({ places }) => places.some((place) => isIn(place, destination)));
      const offers = (zone?.methods ?? []).map((method) => offerOf(method, parcel));
      return offers.filter((offer) => offer !== undefined).sort((a, b) => Number(a.cost - b.cost));
    },
  };
}

function isIn(place: string, { countryCode, region }: Destination): boolean {
  return place === "*" || place === countryCode || place === `${countryCode}-${region}`;
}

function offerOf(
  { id, name, isPickUp = false, rates }: ShippingMethod,
  parcel: Parcel,
): ShippingOffer | undefined {
  const rate = rates[parcel.currency];
  if (rate === undefined) return undefined;
  const size = sizeOf(parcel, rate.by);
  const step = rate.steps.find(({ upTo }) => upTo === undefined || size <= upTo);
  if (step === undefined) return undefined;
  const isFree = rate.freeFrom !== undefined && parcel.subtotal >= rate.freeFrom;
  return { method: id, name, cost: isFree ? 0n : step.cost, isPickUp };
}

function sizeOf({ grams, subtotal, pieces }: Parcel, by: ShippingRate["by"]): bigint {
  if (by === "weight") return grams;
  return by === "subtotal" ? subtotal : pieces;
}
