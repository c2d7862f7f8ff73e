import { type RawBuilder, sql } from "kysely";

/** Where goods go, as far as it tells which location is near. */
export interface Destination {
  /** ISO 3166-1 alpha-2. */
  readonly countryCode: string;
  readonly region: string;
  readonly postalCode: string;
}

/** Which locations are taken first. */
export type AllocationOrder =
  | { readonly rule: "PRIORITY" | "MOST_STOCK" }
  | { readonly rule: "NEAREST"; readonly destination: Destination };

/**
 * How near a location is to where the goods go: in the same country, then in the same region, then by how much of
 * the postal code is the same from its beginning on.
 *
 * @param order the order of a reservation; nothing is reckoned where it does not ask for what is near
 * @returns an expression on the columns of location; the greater, the nearer
 */
export function proximityTo(order: AllocationOrder): RawBuilder<number> {
  if (order.rule !== "NEAREST") return sql`0`;
  const { countryCode, region, postalCode } = order.destination;
  return sql`
    case when address ->> 'countryCode' = ${countryCode}::text then 1000
      + case when lower(address ->> 'region') = ${region.toLowerCase()}::text and ${region}::text <> '' then 100
          else 0 end
      + (select count(*) from generate_series(1, length(${plain(postalCode)}::text)) as it (first)
         where starts_with(
           upper(regexp_replace(address ->> 'postalCode', '[^A-Za-z0-9]', '', 'g')),
           left(${plain(postalCode)}::text, first)
         ))
    else 0 end
  `;
}

/**
 * The order of locations that could serve alike.
 *
 * @param order the order of a reservation
 * @returns expressions for "order by", on the columns that reserveStock offers
 */
export function inOrder({ rule }: AllocationOrder): RawBuilder<unknown> {
  switch (rule) {
    case "PRIORITY":
      return sql`priority desc, location_id`;
    case "MOST_STOCK":
      return sql`stock desc, priority desc, location_id`;
    case "NEAREST":
      return sql`proximity desc, priority desc, location_id`;
  }
}

/** Postal codes are written with and without blanks and dashes. */
function plain(postalCode: string): string {
  return postalCode.toUpperCase().replaceAll(/[^A-Z0-9]/g, "");
}
