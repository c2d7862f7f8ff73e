import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { AdjustmentReason, type AllocationSchema } from "#gen/souk/inventory/v1/allocation_pb.ts";
import type { StockLevelSchema } from "#gen/souk/inventory/v1/inventory_pb.ts";
import type { Location, LocationSchema } from "#gen/souk/inventory/v1/location_pb.ts";
import { MovementKind, type MovementSchema } from "#gen/souk/inventory/v1/movement_pb.ts";
import { type TransferSchema, TransferState } from "#gen/souk/inventory/v1/transfer_pb.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { DetailedLevel, Level } from "./get-stock.ts";
import type { StoredMovement } from "./list-movements.ts";
import { type LocationFields, type StoredLocation, storedFields } from "./locations.ts";
import type { Allocated } from "./reservation.ts";
import type { StoredTransfer } from "./transfers.ts";

/** A level as a message of the contract, with what the caller may know. */
export function toStockLevel(level: Level | DetailedLevel): MessageInitShape<typeof StockLevelSchema> {
  return { ...level } as MessageInitShape<typeof StockLevelSchema>;
}

/** A part of a reservation as a message of the contract. */
export function toAllocation({
  variantId,
  locationId,
  quantity,
}: Allocated): MessageInitShape<typeof AllocationSchema> {
  return { variantId, locationId: locationId ?? "", quantity, backOrder: locationId === undefined };
}

/** A line of the ledger as a message of the contract. */
export function toMovement(movement: StoredMovement): MessageInitShape<typeof MovementSchema> {
  const { id, variant_id, location_id, kind, reference_id, reason_code, note, actor } = movement;
  return {
    id: `${id}`,
    variantId: variant_id,
    locationId: location_id,
    kind: MovementKind[kind === "EXPIRY" ? "RELEASE" : kind],
    availableDelta: movement.available_delta,
    reservedDelta: movement.reserved_delta,
    referenceId: reference_id ?? "",
    reasonCode: AdjustmentReason[(reason_code || "UNSPECIFIED") as keyof typeof AdjustmentReason],
    reason: note,
    accountId: actor.slice(actor.indexOf(":") + 1),
    createTime: timestampFromDate(movement.create_time),
  };
}

/** A transfer as a message of the contract. */
export function toTransfer(transfer: StoredTransfer): MessageInitShape<typeof TransferSchema> {
  return {
    id: transfer.id,
    fromLocationId: transfer.from_location_id,
    toLocationId: transfer.to_location_id,
    lines: transfer.lines.map(({ variant_id, quantity, received, written_off, in_transit }) => ({
      variantId: variant_id,
      quantity,
      received,
      writtenOff: written_off,
      inTransit: in_transit,
    })),
    state: TransferState[transfer.state],
    note: transfer.note,
    createTime: timestampFromDate(transfer.create_time),
    ...(transfer.end_time !== null && { endTime: timestampFromDate(transfer.end_time) }),
  };
}

/** A location as a message of the contract. */
export function toLocation(location: StoredLocation): MessageInitShape<typeof LocationSchema> {
  return { id: location.id, ...storedFields(location), etag: String(location.version) } as MessageInitShape<
    typeof LocationSchema
  >;
}

/**
 * What a message says of a location.
 *
 * @param location the message
 * @param paths which of its fields are meant; all when left out
 * @throws SoukError INVALID_REQUEST for a location without a name
 */
export function fieldsOf(location: Location | undefined): LocationFields;
export function fieldsOf(location: Location | undefined, paths: readonly string[]): Partial<LocationFields>;
export function fieldsOf(
  location: Location | undefined,
  paths: readonly string[] = ["display_name", "address", "priority", "ships", "pick_up", "active"],
): Partial<LocationFields> {
  const {
    displayName = "",
    address,
    priority = 0,
    ships = false,
    pickUp = false,
    active = false,
  } = location ?? {};
  if (paths.includes("display_name") && displayName.trim() === "") {
    const description = "must not be empty; say what to call the location";
    throw refuseMesh(MeshReason.INVALID_REQUEST, `location.display_name ${description}`, {
      violations: [{ field: "location.display_name", description }],
    });
  }
  return {
    ...(paths.includes("display_name") && { displayName }),
    ...(paths.includes("address") && { address }),
    ...(paths.includes("priority") && { priority }),
    ...(paths.includes("ships") && { ships }),
    ...(paths.includes("pick_up") && { pickUp }),
    ...(paths.includes("active") && { active }),
  };
}
