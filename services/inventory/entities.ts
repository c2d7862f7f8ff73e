import type { JsonObject } from "@bufbuild/protobuf";
import { defineEntity, p } from "@mikro-orm/core";

/** How a reservation stands, as the contract names it. */
export type ReservationStateName = "HELD" | "COMMITTED" | "RELEASED";

/** Why stock moved, as the contract names it; EXPIRY is a release because the time was up. */
export type MovementKindName =
  | "OPENING"
  | "ADJUSTMENT"
  | "RESERVATION"
  | "RELEASE"
  | "EXPIRY"
  | "SHIPMENT"
  | "RETURN"
  | "TRANSFER_OUT"
  | "TRANSFER_IN"
  | "STOCK_TAKE";

/** How far a transfer is, as the contract names it. */
export type TransferStateName = "IN_TRANSIT" | "RECEIVED" | "CANCELLED";

/** How far a stock-take is, as the contract names it. */
export type StockTakeStateName = "OPEN" | "COMPLETED" | "CANCELLED";

/** A place where stock lies. */
export const Location = defineEntity({
  name: "Location",
  tableName: "location",
  properties: {
    id: p.uuid().primary(),
    displayName: p.text(),
    /** A souk.mesh.v1.Address as JSON. */
    address: p.json<JsonObject>().nullable(),
    priority: p.integer(),
    ships: p.boolean(),
    pickUp: p.boolean(),
    active: p.boolean(),
    version: p.integer().default(1),
    createTime: p.datetime().defaultRaw("now()"),
    updateTime: p.datetime().defaultRaw("now()"),
  },
});

/** How much there is of a variant: the sum of its location levels. Its lock is the right to change any of them. */
export const StockLevel = defineEntity({
  name: "StockLevel",
  tableName: "stock_level",
  properties: {
    variantId: p.uuid().primary(),
    /** The merchant's number, as product told it last; empty where it told of the variant before these were kept. */
    sku: p.text().default(""),
    available: p.bigint().defaultRaw("0"),
    reserved: p.bigint().defaultRaw("0"),
    /** How many were sold that are yet to come. */
    backOrdered: p.bigint().defaultRaw("0"),
    backOrderable: p.boolean().default(false),
    /** How many may be sold that are yet to come; 0 for any number. */
    backOrderLimit: p.bigint().defaultRaw("0"),
    /** From how many down that are not set aside, wherever they lie, the level is low; 0 for never. */
    lowStockThreshold: p.bigint().defaultRaw("0"),
    low: p.boolean().generated("(low_stock_threshold > 0 and available <= low_stock_threshold) stored"),
  },
});

/** How much of a variant there is at a location. It is the sum of the movements there. */
export const LocationLevel = defineEntity({
  name: "LocationLevel",
  tableName: "location_level",
  properties: {
    variantId: p.uuid().primary(),
    locationId: p.uuid().primary(),
    available: p.bigint().defaultRaw("0"),
    reserved: p.bigint().defaultRaw("0"),
  },
});

/** That a level fell to its threshold; told as an event, then gone. */
export const LowStockCrossing = defineEntity({
  name: "LowStockCrossing",
  tableName: "low_stock_crossing",
  properties: {
    id: p.bigint().autoincrement().primary(),
    variantId: p.uuid(),
    available: p.bigint(),
    threshold: p.bigint(),
  },
});

/** Stock that is set aside for an order, or was. */
export const Reservation = defineEntity({
  name: "Reservation",
  tableName: "reservation",
  properties: {
    /** Chosen by the caller: the id of the order. */
    id: p.uuid().primary(),
    state: p.text().$type<ReservationStateName>(),
    /** Null where a reservation was released before it was made. */
    expireTime: p.datetime().nullable(),
    /** Grows with each change of its lines. */
    version: p.integer().default(1),
    createTime: p.datetime().defaultRaw("now()"),
    updateTime: p.datetime().defaultRaw("now()"),
  },
});

/** How many of a variant a reservation holds at a location. */
export const ReservationLine = defineEntity({
  name: "ReservationLine",
  tableName: "reservation_line",
  properties: {
    reservationId: p.uuid().primary(),
    variantId: p.uuid().primary(),
    locationId: p.uuid().primary(),
    /** How many are still set aside. */
    quantity: p.bigint(),
  },
});

/** How many of a variant a reservation waits for. */
export const BackOrder = defineEntity({
  name: "BackOrder",
  tableName: "back_order",
  properties: {
    /** Its place in the queue. */
    place: p.bigint().autoincrement().primary(),
    reservationId: p.uuid(),
    variantId: p.uuid(),
    quantity: p.bigint(),
  },
});

/** A shipment, reduction, return or change whose stock was moved; it is moved once. */
export const Booking = defineEntity({
  name: "Booking",
  tableName: "booking",
  properties: {
    kind: p.text().$type<"SHIPMENT" | "REDUCTION" | "RETURN" | "CHANGE" | "ARRIVAL">().primary(),
    /** Chosen by the caller. */
    id: p.uuid().primary(),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

/** Stock that goes from one location to another. */
export const Transfer = defineEntity({
  name: "Transfer",
  tableName: "transfer",
  properties: {
    id: p.uuid().primary(),
    fromLocationId: p.uuid(),
    toLocationId: p.uuid(),
    state: p.text().$type<TransferStateName>(),
    note: p.text(),
    createTime: p.datetime().defaultRaw("now()"),
    endTime: p.datetime().nullable(),
  },
});

/** A number of one variant in a transfer. */
export const TransferLine = defineEntity({
  name: "TransferLine",
  tableName: "transfer_line",
  properties: {
    transferId: p.uuid().primary(),
    variantId: p.uuid().primary(),
    quantity: p.bigint(),
    received: p.bigint().defaultRaw("0"),
    writtenOff: p.bigint().defaultRaw("0"),
    /** What neither arrived nor was written off or taken back. */
    inTransit: p.bigint(),
  },
});

/** A count of what lies at a location. */
export const StockTake = defineEntity({
  name: "StockTake",
  tableName: "stock_take",
  properties: {
    id: p.uuid().primary(),
    locationId: p.uuid(),
    state: p.text().$type<StockTakeStateName>(),
    note: p.text(),
    createTime: p.datetime().defaultRaw("now()"),
    endTime: p.datetime().nullable(),
  },
});

/** A variant in a count. */
export const StockTakeLine = defineEntity({
  name: "StockTakeLine",
  tableName: "stock_take_line",
  properties: {
    stockTakeId: p.uuid().primary(),
    variantId: p.uuid().primary(),
    /** How many should have been there when it was counted; until then, when the count began. */
    expected: p.bigint(),
    /** Null until it was counted. */
    counted: p.bigint().nullable(),
  },
});

/** A line of the ledger: rows are added and never changed. */
export const StockMovement = defineEntity({
  name: "StockMovement",
  tableName: "stock_movement",
  properties: {
    id: p.bigint().autoincrement().primary(),
    variantId: p.uuid(),
    locationId: p.uuid(),
    availableDelta: p.bigint(),
    reservedDelta: p.bigint(),
    kind: p.text().$type<MovementKindName>(),
    /** The order, transfer, return, stock-take or product that it belongs to. */
    referenceId: p.uuid().nullable(),
    /** The kind of reason that staff gave, as the contract names it; empty when none was given. */
    reasonCode: p.text().default(""),
    /** What staff wrote. */
    note: p.text().default(""),
    /** Who did it; empty when the shop did on its own. */
    actor: p.text().default(""),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

export const entities = [
  Location,
  StockLevel,
  LocationLevel,
  LowStockCrossing,
  Reservation,
  ReservationLine,
  BackOrder,
  Booking,
  Transfer,
  TransferLine,
  StockTake,
  StockTakeLine,
  StockMovement,
] as const;
