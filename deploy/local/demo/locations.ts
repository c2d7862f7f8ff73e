import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { InventoryService, type StockLevel } from "#gen/souk/inventory/v1/inventory_pb.ts";
import type { LocationSchema } from "#gen/souk/inventory/v1/location_pb.ts";
import { TransferState } from "#gen/souk/inventory/v1/transfer_pb.ts";
import { ProductAdminService } from "#gen/souk/product/v1/product_admin_pb.ts";
import type { Scope } from "#kit/scope.ts";

type LocationInit = MessageInitShape<typeof LocationSchema> & { readonly displayName: string };

/** Where the catalogue's stock lies before it is spread. */
const FIRST: LocationInit = {
  displayName: "Northern warehouse",
  address: { name: "Souk", line1: "Grasweg 40", city: "Kiel", postalCode: "24118", countryCode: "DE" },
};

/** The other locations, with the share of the stock that they get, in percent. */
const OTHERS: readonly (readonly [location: LocationInit, percent: bigint])[] = [
  [
    {
      displayName: "Western warehouse",
      address: {
        name: "Souk",
        line1: "Waalhaven 9",
        city: "Rotterdam",
        postalCode: "3087 BM",
        countryCode: "NL",
      },
      priority: 50,
      ships: true,
      active: true,
    },
    30n,
  ],
  [
    {
      displayName: "Corner shop",
      address: {
        name: "Souk",
        line1: "Kastanienallee 5",
        city: "Berlin",
        postalCode: "10435",
        countryCode: "DE",
      },
      priority: 10,
      ships: true,
      pickUp: true,
      active: true,
    },
    20n,
  ],
];

/** How many products are looked at, and lines transferred, at a time. */
const PRODUCTS = 50;
const LINES = 200;
/** A key of its own: whether it was done before, the stock itself says. */
const once = () => ({ idempotencyKey: randomUUID() });
/** How often it is looked whether inventory has heard of the catalogue, in ms. */
const LOOK_MS = 200;
const NOTE = "Opening stock";

/**
 * Opens locations and spreads the stock over them. What is there says how far it is: what was interrupted goes on
 * where it was.
 *
 * @param scope calls as staff
 * @returns how many locations there are
 */
export async function spreadStock(scope: Scope): Promise<number> {
  const inventory = scope.mesh(InventoryService);
  const { locations } = await inventory.listLocations({});
  const first = locations[0];
  if (first === undefined) throw new Error("inventory has no location");
  if (first.displayName !== FIRST.displayName) {
    await inventory.updateLocation({
      location: { ...FIRST, id: first.id },
      updateMask: { paths: ["display_name", "address"] },
    });
  }
  const others: { id: string; percent: bigint }[] = [];
  for (const [location, percent] of OTHERS) {
    const known = locations.find(({ displayName }) => displayName === location.displayName);
    const made = known ?? (await inventory.createLocation({ location }, once())).location;
    const id = made?.id ?? "";
    others.push({ id, percent });
    await receiveWhatIsOnItsWay(scope, id);
  }
  for await (const variantIds of variants(scope)) {
    const levels = await stockOf(scope, variantIds);
    for (const { id, percent } of others) {
      const lines = levels.flatMap((level) => shareOf(level, first.id, id, percent));
      if (lines.length > 0) await move(scope, first.id, id, lines);
    }
  }
  return 1 + OTHERS.length;
}

async function receiveWhatIsOnItsWay({ mesh }: Scope, locationId: string): Promise<void> {
  const inventory = mesh(InventoryService);
  const { transfers } = await inventory.listTransfers({
    locationId,
    state: TransferState.IN_TRANSIT,
    pageSize: 100,
  });
  for (const { id, note } of transfers) if (note === NOTE) await inventory.receiveTransfer({ id });
}

/** All variants of the catalogue, as many at a time as one transfer takes. */
async function* variants({ mesh }: Scope): AsyncIterable<string[]> {
  const admin = mesh(ProductAdminService);
  let pageToken = "";
  do {
    const page = await admin.listProductsForStaff({ pageSize: PRODUCTS, pageToken });
    const ids = page.products.flatMap((product) => product.variants.map(({ id }) => id));
    for (let from = 0; from < ids.length; from += LINES) yield ids.slice(from, from + LINES);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

/** Inventory hears of new variants by events. Each of them then has a place, even where there is none of it. */
async function stockOf({ mesh }: Scope, variantIds: string[]): Promise<StockLevel[]> {
  for (;;) {
    const { levels } = await mesh(InventoryService).getStock({ variantIds });
    if (levels.every(({ locations }) => locations.length > 0)) return levels;
    await pause(LOOK_MS);
  }
}

/** What a location gets of a variant; nothing where it has its share. Moving it leaves what is available in all as it is. */
function shareOf({ variantId, available, locations }: StockLevel, from: string, to: string, percent: bigint) {
  const here = locations.find(({ locationId }) => locationId === from)?.available ?? 0n;
  const share = (available * percent) / 100n;
  const quantity = share < here ? share : here;
  const hasShare = locations.some(({ locationId }) => locationId === to);
  return quantity === 0n || hasShare ? [] : [{ variantId, quantity }];
}

async function move(
  { mesh }: Scope,
  fromLocationId: string,
  toLocationId: string,
  lines: { variantId: string; quantity: bigint }[],
): Promise<void> {
  const inventory = mesh(InventoryService);
  const request = { fromLocationId, toLocationId, lines, note: NOTE };
  const { transfer } = await inventory.transferStock(request, once());
  await inventory.receiveTransfer({ id: transfer?.id ?? "" });
}
