import type { MessageInitShape } from "@bufbuild/protobuf";
import type { AddressSchema } from "#gen/souk/mesh/v1/address_pb.ts";

/** Somebody who shops in the shop that runs here. */
export interface Person {
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  /** Where parcels go. */
  readonly address: MessageInitShape<typeof AddressSchema>;
}

/** With what all of them sign in. Everybody may know it: they are there to be looked at. */
export const PASSWORD = "correct horse battery";

export const grace: Person = person("Grace", "Hopper", {
  line1: "Holtenauer Straße 12",
  city: "Kiel",
  postalCode: "24105",
  countryCode: "DE",
});

export const emmy: Person = person("Emmy", "Noether", {
  line1: "Hauptstraße 23",
  city: "Erlangen",
  postalCode: "91054",
  countryCode: "DE",
});

export const hedy: Person = person("Hedy", "Lamarr", {
  line1: "Osterleitengasse 7",
  city: "Wien",
  postalCode: "1190",
  countryCode: "AT",
});

export const edsger: Person = person("Edsger", "Dijkstra", {
  line1: "Parklaan 3",
  city: "Nuenen",
  postalCode: "5671 AB",
  countryCode: "NL",
});

export const katherine: Person = person("Katherine", "Johnson", {
  line1: "101 Saxby Avenue",
  city: "Hampton",
  region: "VA",
  postalCode: "23669",
  countryCode: "US",
});

function person(firstName: string, lastName: string, place: Person["address"]): Person {
  const email = `${firstName.toLowerCase()}@example.com`;
  return { email, firstName, lastName, address: { ...place, name: `${firstName} ${lastName}` } };
}
