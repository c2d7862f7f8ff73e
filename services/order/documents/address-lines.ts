import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { AddressSchema } from "#gen/souk/mesh/v1/address_pb.ts";

/** What countries are called, in the language of the documents. */
const COUNTRIES = new Intl.DisplayNames("en", { type: "region" });

/**
 * An address as it stands on an envelope, a line each.
 *
 * @param stored the address as orders store it
 */
export function addressLines(stored: JsonObject): string[] {
  const { name, line1, line2, postalCode, city, region, countryCode } = fromJson(AddressSchema, stored, {
    ignoreUnknownFields: true,
  });
  const country = COUNTRIES.of(countryCode) ?? countryCode;
  return [name, line1, line2, `${postalCode} ${city}`.trim(), region, country].filter((it) => it !== "");
}
