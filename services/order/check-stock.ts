import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import type { Scope } from "#kit/scope.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { shippingError } from "./translate-error.ts";

/** What is to be sent. */
export interface Sendable {
  readonly orderId: string;
  readonly items: readonly { readonly variantId: string; readonly quantity: bigint }[];
  /** Where from; "" for where it is set aside. */
  readonly locationId: string;
}

/**
 * Requires that goods which leave from where they are set aside are there, and not still waited for. It is asked before
 * the money is taken: what is taken and given back cannot be taken again when the goods have come.
 *
 * @param scope the step
 * @param sendable what is to be sent
 * @throws SoukError ORDER_NOT_SHIPPABLE for the first variant of which too few are there, or what was caught where it
 *   is not known what is there
 */
export async function checkStock(
  scope: Scope,
  { orderId: reservationId, items, locationId }: Sendable,
): Promise<void> {
  // Whether a place that is named has them, only inventory can tell when they leave.
  if (locationId !== "") return;
  const inventory = scope.mesh(InventoryService);
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
