import { type Selectable, sql } from "kysely";
import type { Tables } from "#kit/data/tables.ts";
import { fromNow } from "./change-state.ts";
import type { PaymentDatabase, PaymentTransaction } from "./database.ts";
import type { entities } from "./entities.ts";
import { listParts, type StoredPart } from "./parts.ts";
import type { Payments, StoredPayment } from "./payment.ts";

/** A capture or a refund, as it is stored. */
export type StoredMovement = Selectable<Tables<typeof entities>["payment_movement"]>;

/** Which of the two. */
export type MovementKind = StoredMovement["kind"];

/** The captures and refunds of payments, oldest first. */
export async function listMovements(
  sqlOf: PaymentDatabase["sql"],
  paymentIds: readonly string[],
): Promise<StoredMovement[]> {
  if (paymentIds.length === 0) return [];
  return sqlOf
    .selectFrom("payment_movement")
    .selectAll()
    .where("payment_id", "in", paymentIds)
    .orderBy("payment_id")
    .orderBy("seq")
    .execute();
}

/** What can be moved of a payment that is locked. */
export interface Room {
  readonly parts: readonly StoredPart[];
  readonly movements: readonly StoredMovement[];
  /** How much of each part can be moved, by position, the card first; what is under way is taken off. */
  readonly rooms: readonly bigint[];
  /** Their sum. */
  readonly left: bigint;
}

/**
 * What can be taken of a payment, or given back.
 *
 * @param payment the payment, locked
 */
export async function roomFor(
  tx: PaymentTransaction,
  payment: StoredPayment,
  kind: MovementKind,
): Promise<Room> {
  const [parts, movements] = await Promise.all([
    listParts(tx.sql, [payment]),
    listMovements(tx.sql, [payment.id]),
  ]);
  const card = {
    open_minor: payment.card_open_minor,
    captured_minor: payment.card_captured_minor,
    refunded_minor: payment.card_refunded_minor,
  };
  const underWay = movements.filter((each) => each.kind === kind && each.state === "PENDING");
  const rooms = [card, ...parts].map((part, position) => {
    const whole = kind === "CAPTURE" ? part.open_minor : part.captured_minor - part.refunded_minor;
    return underWay.reduce((room, { split }) => room - (split[position] ?? 0n), whole);
  });
  return { parts, movements, rooms, left: rooms.reduce((sum, room) => sum + room, 0n) };
}

/** What a movement is opened with. */
export type NewMovement = Pick<StoredMovement, "id" | "kind" | "payment_id" | "amount_minor"> &
  Partial<Pick<StoredMovement, "to_store_credit" | "reason" | "state">> & {
    readonly split: readonly bigint[];
  };

/**
 * Stores a movement before the provider is asked for it; where nobody comes to record the answer, it is asked for
 * again later.
 */
export async function openMovement(
  { reconcileAfterMs }: Payments,
  tx: PaymentTransaction,
  movement: NewMovement,
): Promise<StoredMovement> {
  const { state = "PENDING", split, ...rest } = movement;
  const stored = await tx.sql
    .insertInto("payment_movement")
    .values({ ...rest, state, split: [...split] as never })
    .returningAll()
    .executeTakeFirstOrThrow();
  if (state === "PENDING") {
    await tx.sql
      .updateTable("payment")
      .set({ reconcile_time: fromNow(reconcileAfterMs) })
      .where("id", "=", movement.payment_id)
      .execute();
  }
  return stored;
}

/**
 * Ends a movement that is under way.
 *
 * @param failure why it failed; undefined when it succeeded
 * @returns false when somebody else ended it
 */
export async function endMovement(
  tx: PaymentTransaction,
  { id, kind }: StoredMovement,
  failure: string | undefined,
): Promise<boolean> {
  const ended = await tx.sql
    .updateTable("payment_movement")
    .set({ state: failure === undefined ? "SUCCEEDED" : "FAILED", failure_reason: failure ?? "" })
    .where("id", "=", id)
    .where("kind", "=", kind)
    .where("state", "=", "PENDING")
    .returning("id")
    .executeTakeFirst();
  return ended !== undefined;
}

/** The movement of a kind with an id, whatever payment it is of. */
export function findMovement(
  sqlOf: PaymentDatabase["sql"],
  kind: MovementKind,
  id: string,
): Promise<StoredMovement | undefined> {
  return sqlOf
    .selectFrom("payment_movement")
    .selectAll()
    .where("id", "=", id)
    .where("kind", "=", kind)
    .executeTakeFirst();
}

/**
 * When to look at a payment again: while something is under way, and else never.
 *
 * @param paymentId the payment
 * @param time when; as before when left out
 */
export function whileUnderWay(paymentId: string, time = sql<Date>`reconcile_time`) {
  return sql<Date | null>`case when exists (
    select from payment_movement as m where m.payment_id = ${paymentId} and m.state = 'PENDING'
  ) then ${time} end`;
}
