import { create } from "@bufbuild/protobuf";
import { type Duration, durationMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { AdjustmentReason, AllocationRule } from "#gen/souk/inventory/v1/allocation_pb.ts";
import {
  AdjustStockResponseSchema,
  type InventoryService,
  ReservationState,
  type ReserveStockRequest,
} from "#gen/souk/inventory/v1/inventory_pb.ts";
import { CreateLocationResponseSchema } from "#gen/souk/inventory/v1/location_pb.ts";
import { MovementKind } from "#gen/souk/inventory/v1/movement_pb.ts";
import { TransferState, TransferStockResponseSchema } from "#gen/souk/inventory/v1/transfer_pb.ts";
import type { Changes } from "#kit/data/changes.ts";
import { NUMBER, UUID } from "#kit/data/page-token.ts";
import type { Principal } from "#kit/principal.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { adjustStock } from "../adjust-stock.ts";
import type { AllocationOrder } from "../allocation.ts";
import { cancelTransfer } from "../cancel-transfer.ts";
import { changeReservation } from "../change-reservation.ts";
import { commitReservation } from "../commit-reservation.ts";
import type { InventoryDatabase } from "../database.ts";
import type { MovementKindName, TransferStateName } from "../entities.ts";
import { fulfillReservation } from "../fulfill-reservation.ts";
import { getDetailedStock, getStock } from "../get-stock.ts";
import { listMovements } from "../list-movements.ts";
import { listStock } from "../list-stock.ts";
import { createLocation, listLocations, updateLocation } from "../locations.ts";
import { receiveTransfer } from "../receive-transfer.ts";
import { reduceReservation } from "../reduce-reservation.ts";
import { releaseReservation } from "../release-reservation.ts";
import { relocateReservation } from "../relocate-reservation.ts";
import { renewReservation } from "../renew-reservation.ts";
import { given, nameOf, pageOf } from "../requests.ts";
import { requireReservation, type StoredReservation } from "../reservation.ts";
import { reserveStock } from "../reserve-stock.ts";
import { returnStock } from "../return-stock.ts";
import {
  fieldsOf,
  toAllocation,
  toLocation,
  toMovement,
  toStockLevel,
  toTransfer,
} from "../stock-messages.ts";
import { setStockPolicy } from "../stock-policy.ts";
import { transferStock } from "../transfer-stock.ts";
import { listTransfers, requireTransfer } from "../transfers.ts";
import { watchStock } from "../watch-stock.ts";

/** Serves souk.inventory.v1.InventoryService. */
export function inventoryRpc(db: InventoryDatabase, changes: Changes) {
  return {
    async getStock({ variantIds }, { principal }) {
      return { levels: (await lookFor(db, principal)(variantIds)).map(toStockLevel) };
    },

    async *watchStock({ variantIds }, call) {
      for await (const levels of watchStock(changes, call, variantIds, lookFor(db, call.principal))) {
        yield { levels: levels.map(toStockLevel) };
      }
    },

    async listStock(request, call) {
      const filter = { ...given("locationId", request.locationId), low: request.low };
      const { items, nextPageToken } = await pageOf(
        request,
        `${call.method} ${JSON.stringify(filter)}`,
        [UUID],
        (limit, [after]) => listStock(db.sql, filter, limit, after),
        ({ variantId }) => [variantId],
      );
      return { levels: items.map(toStockLevel), nextPageToken };
    },

    async listMovements(request, call) {
      const kind = nameOf<MovementKindName>(MovementKind, request.kind);
      const filter = {
        ...given("variantId", request.variantId),
        ...given("locationId", request.locationId),
        ...given("referenceId", request.referenceId),
        ...(kind && { kinds: kind === "RELEASE" ? [kind, "EXPIRY" as const] : [kind] }),
      };
      const { items, nextPageToken } = await pageOf(
        request,
        `${call.method} ${JSON.stringify(filter)}`,
        [NUMBER],
        (limit, [before]) => listMovements(db.sql, filter, limit, before),
        ({ id }) => [`${id}`],
      );
      return { movements: items.map(toMovement), nextPageToken };
    },

    adjustStock({ variantId, locationId, delta, reasonCode, reason }, call) {
      const code = nameOf(AdjustmentReason, reasonCode);
      const adjustment = {
        variantId,
        delta,
        note: reason,
        ...given("locationId", locationId),
        ...(code && { reasonCode: code }),
      };
      return adjustStock(db, call, adjustment, (level) =>
        create(AdjustStockResponseSchema, { level: toStockLevel(level) }),
      );
    },

    async setStockPolicy({ variantId, ...policy }, call) {
      return { level: toStockLevel(await setStockPolicy(db, call, variantId, policy)) };
    },

    async listLocations() {
      return { locations: (await listLocations(db.sql)).map(toLocation) };
    },

    createLocation({ location }, call) {
      const fields = fieldsOf(location);
      return createLocation(db, call, fields, (made) =>
        create(CreateLocationResponseSchema, { location: toLocation(made) }),
      );
    },

    async updateLocation({ location, updateMask }, call) {
      const { id = "", etag = "" } = location ?? {};
      const fields = fieldsOf(location, updateMask?.paths ?? []);
      return { location: toLocation(await updateLocation(db, call, id.toLowerCase(), fields, etag)) };
    },

    transferStock({ fromLocationId, toLocationId, lines, note }, call) {
      const transfer = {
        fromLocationId: fromLocationId.toLowerCase(),
        toLocationId: toLocationId.toLowerCase(),
        lines,
        note,
      };
      return transferStock(db, call, transfer, (sent) =>
        create(TransferStockResponseSchema, { transfer: toTransfer(sent) }),
      );
    },

    async receiveTransfer({ id, lines, arrivalId }, call) {
      const items = lines.map(({ variantId, quantity, writtenOff, writeOffReason }) => ({
        variantId: variantId.toLowerCase(),
        quantity,
        writtenOff,
        reasonCode: nameOf(AdjustmentReason, writeOffReason) ?? "LOSS",
      }));
      const arrival = { transferId: id.toLowerCase(), ...given("id", arrivalId), items };
      return { transfer: toTransfer(await receiveTransfer(db, call, arrival)) };
    },

    async cancelTransfer({ id }, call) {
      return { transfer: toTransfer(await cancelTransfer(db, call, id.toLowerCase())) };
    },

    async getTransfer({ id }) {
      return { transfer: toTransfer(await requireTransfer(db.sql, id)) };
    },

    async listTransfers(request, call) {
      const state = nameOf<TransferStateName>(TransferState, request.state);
      const filter = { ...given("locationId", request.locationId), ...(state && { state }) };
      const { items, nextPageToken } = await pageOf(
        request,
        `${call.method} ${JSON.stringify(filter)}`,
        [UUID],
        (limit, [before]) => listTransfers(db.sql, filter, limit, before),
        ({ id }) => [id],
      );
      return { transfers: items.map(toTransfer), nextPageToken };
    },

    async reserveStock(request, call) {
      const reserved = await reserveStock(db, call, {
        id: request.reservationId,
        lines: request.lines,
        ttlMs: durationMs(request.ttl as Duration),
        order: orderOf(request),
        ...given("pickUpLocationId", request.pickUpLocationId),
      });
      return { expireTime: timestampFromDate(reserved.expireTime), ...toHeld(reserved) };
    },

    async renewReservation({ reservationId, ttl }) {
      const expireTime = await renewReservation(db, reservationId, durationMs(ttl as Duration));
      return expireTime === undefined ? {} : { expireTime: timestampFromDate(expireTime) };
    },

    async commitReservation({ reservationId }) {
      await commitReservation(db, reservationId);
      return {};
    },

    async releaseReservation({ reservationId }, call) {
      await releaseReservation(db, call, reservationId);
      return {};
    },

    async reduceReservation({ reservationId, changeId, lines }, call) {
      return toHeld(await reduceReservation(db, call, { id: changeId, reservationId, lines }));
    },

    async changeReservation({ reservationId, changeId, mergedReservationId, lines }, call) {
      const merged = given("mergedReservationId", mergedReservationId);
      return toHeld(await changeReservation(db, call, { id: changeId, reservationId, ...merged, lines }));
    },

    async relocateReservation({ reservationId, locationId, lines }, call) {
      await relocateReservation(db, call, { reservationId, locationId: locationId.toLowerCase(), lines });
      return {};
    },

    async fulfillReservation({ reservationId, shipmentId, lines }, call) {
      await fulfillReservation(db, call, { id: shipmentId, reservationId, lines });
      return {};
    },

    async returnStock({ returnId, locationId, lines }, call) {
      await returnStock(db, call, { id: returnId, ...given("locationId", locationId), lines });
      return {};
    },

    async getReservation({ reservationId }) {
      const reservation = await requireReservation(db.sql, reservationId);
      const { id, state, expireTime } = reservation;
      return {
        reservationId: id,
        state: ReservationState[state],
        ...(state === "HELD" && expireTime && { expireTime: timestampFromDate(expireTime) }),
        ...toHeld(reservation),
      };
    },
  } satisfies Implementation<typeof InventoryService>;
}

/** What a reservation holds, and as of which of its changes. */
function toHeld({ allocations, version }: Pick<StoredReservation, "allocations" | "version">) {
  return { allocations: allocations.map(toAllocation), version };
}

/** Where stock lies is told to those only who may read the inventory. */
function lookFor(db: InventoryDatabase, principal: Principal) {
  const permissions = principal.kind === "anonymous" ? undefined : principal.permissions;
  const mayRead = permissions?.has("inventory:read") || permissions?.has("*");
  return (variantIds: readonly string[]) => (mayRead ? getDetailedStock : getStock)(db.sql, variantIds);
}

function orderOf({ rule, destination }: ReserveStockRequest): AllocationOrder {
  if (rule === AllocationRule.MOST_STOCK) return { rule: "MOST_STOCK" };
  if (rule === AllocationRule.PRIORITY || destination === undefined) return { rule: "PRIORITY" };
  return { rule: "NEAREST", destination };
}
