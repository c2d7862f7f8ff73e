import { EU_VAT } from "../tax/eu-vat.ts";
import type { ShippingMethod, ShippingTable, ShippingZone } from "./shipping-table.ts";

/**
 * How a shop in a country of the European Union ships unless it says otherwise: at home with pick-up, to the rest
 * of the union, and by weight everywhere else; in euros and in US dollars.
 *
 * @param homeCountry where the shop is, ISO 3166-1 alpha-2
 */
export function euZones(homeCountry: string): ShippingTable {
  const home: ShippingZone = {
    name: "Home",
    places: [homeCountry],
    methods: [
      flat("standard", "Standard shipping", { EUR: 490n, USD: 590n }, { EUR: 5_000n, USD: 6_000n }),
      flat("express", "Express shipping", { EUR: 1_290n, USD: 1_490n }),
      { ...flat("pick-up", "Pick-up", { EUR: 0n, USD: 0n }), isPickUp: true },
    ],
  };
  const union: ShippingZone = {
    name: "European Union",
    places: Object.keys(EU_VAT).filter((country) => country !== homeCountry),
    methods: [
      flat("standard", "Standard shipping", { EUR: 990n, USD: 1_190n }, { EUR: 10_000n, USD: 12_000n }),
      flat("express", "Express shipping", { EUR: 2_490n, USD: 2_890n }),
    ],
  };
  return { zones: [home, union, WORLD] };
}

const WORLD: ShippingZone = {
  name: "World",
  places: ["*"],
  methods: [
    {
      id: "standard",
      name: "Standard shipping",
      rates: {
        EUR: { by: "weight", steps: ladder(1_990n, 2_990n, 5_990n) },
        USD: { by: "weight", steps: ladder(2_390n, 3_490n, 6_990n) },
      },
    },
  ],
};

function ladder(light: bigint, middle: bigint, heavy: bigint) {
  return [
    { upTo: 1_000n, cost: light },
    { upTo: 5_000n, cost: middle },
    { upTo: 30_000n, cost: heavy },
  ];
}

function flat(
  id: string,
  name: string,
  costs: Readonly<Record<string, bigint>>,
  freeFrom: Readonly<Record<string, bigint>> = {},
): ShippingMethod {
  const rates = Object.entries(costs).map(([currency, cost]) => {
    const from = freeFrom[currency];
    const rate = { by: "pieces" as const, steps: [{ cost }] };
    return [currency, from === undefined ? rate : { ...rate, freeFrom: from }] as const;
  });
  return { id, name, rates: Object.fromEntries(rates) };
}
