import { defineEntity, p } from "@mikro-orm/core";

/** How a reservation stands, as the contract names it. */
export type ReservationStateName = "HELD" | "COMMITTED" | "RELEASED";

/** Why stock moved. */
export type MovementReason = "OPENING" | "ADJUSTMENT" | "RESERVATION" | "RELEASE" | "EXPIRY";

/** How much there is of a variant. It is the sum of the variant's movements. */
export const StockLevel = defineEntity({
  name: "StockLevel",
  tableName: "stock_level",
  properties: {
    variantId: p.uuid().primary(),
    available: p.bigint().defaultRaw("0"),
    reserved: p.bigint().defaultRaw("0"),
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
    createTime: p.datetime().defaultRaw("now()"),
    updateTime: p.datetime().defaultRaw("now()"),
  },
});

/** How many of a variant a reservation holds. */
export const ReservationLine = defineEntity({
  name: "ReservationLine",
  tableName: "reservation_line",
  properties: {
    reservationId: p.uuid().primary(),
    variantId: p.uuid().primary(),
    quantity: p.bigint(),
  },
});

/** A line of the ledger: rows are added and never changed. */
export const StockMovement = defineEntity({
  name: "StockMovement",
  tableName: "stock_movement",
  properties: {
    id: p.bigint().autoincrement().primary(),
    variantId: p.uuid(),
    availableDelta: p.bigint(),
    reservedDelta: p.bigint(),
    reason: p.text().$type<MovementReason>(),
    /** What it follows from: a reservation, a product, or who adjusted the level. */
    reference: p.text(),
    /** What the one who adjusted the level says about it. */
    note: p.text().default(""),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

export const entities = [StockLevel, Reservation, ReservationLine, StockMovement] as const;
