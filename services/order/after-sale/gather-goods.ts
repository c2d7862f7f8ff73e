import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import type { Scope } from "#kit/scope.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { shippingError } from "../translate-error.ts";

/** What is to be sent. */
export interface Sendable {
  readonly orderId: string;
  readonly items: readonly { readonly variantId: string; readonly quantity: bigint }[];
  /** Where from; "" for where it is set aside. */
  readonly locationId: string;
}

/**
 * Requires that goods are set aside where they leave from, and sees to it where that place is named. Nobody else can
 * take them from then on. It comes before the money is taken: what is taken and given back cannot be taken again when
 * the goods have come.
 *
 * @param scope the step
 * @param sendable what is to be sent
 * @throws SoukError ORDER_NOT_SHIPPABLE when too few of a variant are there, or there is no such place; or what was
 *   caught where it is not known what is there
 */
export async function gatherGoods(
  scope: Scope,
  { orderId: reservationId, items, locationId }: Sendable,
): Promise<void> {
  const inventory = scope.mesh(InventoryService);
  if (locationId !== "") {
    const lines = items.map(({ variantId, quantity }) => ({ variantId, quantity }));
    await inventory.relocateReservation({ reservationId, locationId, lines }).catch(shippingError);
    return;
  }
  const { allocations } = await inventory.getReservation({ reservationId }).catch(shippingError);
  const there = (id: string) =>
    allocations
      .filter((it) => it.variantId === id && it.locationId !== "")
      .reduce((sum, { quantity }) => sum + quantity, 0n);
  const wanted = (id: string) =>
    items.filter((it) => it.variantId === id).reduce((sum, { quantity }) => sum + quantity, 0n);
  for (const { variantId } of items) {
    const [available, requested] = [there(variantId), wanted(variantId)];
    if (available >= requested) continue;
    throw refuse(
      ErrorReason.ORDER_NOT_SHIPPABLE,
      `nothing was sent: ${available} of variant ${variantId} are there and ${requested} were to be sent; send fewer, or wait until more come in`,
      { metadata: { variant_id: variantId, available: String(available), requested: String(requested) } },
    );
  }
}
