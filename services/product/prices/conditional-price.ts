import { type RawBuilder, sql } from "kysely";

/** A price that holds under conditions, as it is stored. */
export interface ConditionalPrice {
  /** In minor units. */
  readonly minor: bigint;
  readonly currency: string;
  /** Empty for everyone. */
  readonly customerGroup: string;
  /** From how many pieces of a line on. */
  readonly minQuantity: bigint;
  readonly start: Date | undefined;
  readonly end: Date | undefined;
  /** Whether shoppers see it beside the ordinary price, as reduced. */
  readonly sale: boolean;
}

/** The ordinary price of a variant in its own currency, as its row has it. */
export interface OwnPrice {
  readonly minor: bigint;
  readonly compareAt: bigint | undefined;
  readonly currency: string;
}

/** Prices as a statement gathers them: JSON has no bigint. */
export type GatheredPrices = readonly GatheredPrice[] | null;

interface GatheredPrice {
  readonly minor: string;
  readonly currency: string;
  readonly group: string;
  readonly from: string;
  readonly start: number | null;
  readonly end: number | null;
  readonly sale: boolean;
}

/** The rows of variant_price in a group, gathered to one value that readPrices reads. */
export const gatherPrices: RawBuilder<GatheredPrices> = sql`
  jsonb_agg(
    jsonb_build_object(
      'minor', price_minor::text, 'currency', currency, 'group', customer_group, 'from', min_quantity::text,
      'start', extract(epoch from start_time) * 1000, 'end', extract(epoch from end_time) * 1000, 'sale', sale
    ) order by position
  )
`;

/** Reads what gatherPrices gathered. */
export function readPrices(gathered: GatheredPrices): ConditionalPrice[] {
  return (gathered ?? []).map(({ minor, currency, group, from, start, end, sale }) => ({
    minor: BigInt(minor),
    currency,
    customerGroup: group,
    minQuantity: BigInt(from),
    start: start === null ? undefined : new Date(start),
    end: end === null ? undefined : new Date(end),
    sale,
  }));
}

/** Whether a price is one for everyone, at any time and for any number of pieces, and not reduced. */
export function isOrdinary({ customerGroup, minQuantity, start, end, sale }: ConditionalPrice): boolean {
  return customerGroup === "" && minQuantity <= 1n && start === undefined && end === undefined && !sale;
}

/** An ordinary price as a conditional one without conditions. */
export function unconditional(minor: bigint, currency: string): ConditionalPrice {
  return {
    minor,
    currency,
    customerGroup: "",
    minQuantity: 0n,
    start: undefined,
    end: undefined,
    sale: false,
  };
}
