import type { SoukError } from "#kit/error.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { StoredOrder, StoredOrderLine } from "../order-parts.ts";
import { partOfLine } from "../pricing/part-of-line.ts";
import type { ItemTotals } from "../pricing/totals.ts";
import { toItemTotals } from "../stored-totals.ts";

/** A number of a line. */
export interface Pieces {
  readonly line: StoredOrderLine;
  readonly count: bigint;
}

/** A number of a line, as callers name it. */
export interface Item {
  readonly lineId: string;
  readonly quantity: bigint;
}

/**
 * The lines that callers name, each with a number that it has left. The same line twice counts together.
 *
 * @param order the order
 * @param items what callers name; everything that is left when empty
 * @param left how many a line has left
 * @throws SoukError LINE_NOT_FOUND or QUANTITY_EXCEEDED
 */
export function requirePieces(
  order: StoredOrder,
  items: readonly Item[],
  left: (line: StoredOrderLine) => bigint,
): Pieces[] {
  if (items.length === 0) {
    return order.lines.map((line) => ({ line, count: left(line) })).filter(({ count }) => count > 0n);
  }
  const counts = new Map<string, bigint>();
  for (const { lineId, quantity } of items) {
    const id = lineId.toLowerCase();
    counts.set(id, (counts.get(id) ?? 0n) + quantity);
  }
  return [...counts].map(([id, count]) => {
    const line = order.lines.find((each) => each.id === id);
    if (line === undefined) throw lineNotFound("order", order.id, id);
    if (count <= left(line)) return { line, count };
    throw refuse(
      ErrorReason.QUANTITY_EXCEEDED,
      `line ${id} has ${left(line)} left for that, and ${count} were asked for; ask for that many or fewer`,
      { metadata: { line_id: id, left: String(left(line)), asked: String(count) } },
    );
  });
}

/**
 * The refusal of a line that something does not have.
 *
 * @param whole what it is
 * @param id its id
 * @param lineId the line that was named
 */
export function lineNotFound(whole: "order" | "return", id: string, lineId: string): SoukError {
  return refuse(
    ErrorReason.LINE_NOT_FOUND,
    `${whole} ${id} has no line ${lineId}; read the ${whole} to see its lines`,
    { metadata: { line_id: lineId } },
  );
}

/**
 * What the first pieces of a line come to. What is charged or given back for pieces is always what all pieces until
 * then come to less what was charged or given back before, so that no cent is lost or given twice.
 *
 * @param line the line
 * @param count how many
 */
export function worthOf(line: StoredOrderLine, count: bigint): bigint {
  return partOfLine(toItemTotals(line), line.quantity, { from: 0n, count }).total;
}

/**
 * What some pieces of a line come to after others.
 *
 * @param pieces the pieces
 * @param from how many were dealt with before
 */
export function totalsOf({ line, count }: Pieces, from: bigint): ItemTotals {
  return partOfLine(toItemTotals(line), line.quantity, { from, count });
}

/**
 * How many pieces of a line are neither sent nor cancelled.
 *
 * @param line the line
 */
export function openPieces({ quantity, shipped, cancelled }: StoredOrderLine): bigint {
  return quantity - shipped - cancelled;
}

/**
 * Pieces as they stand in a JSON column.
 *
 * @param pieces the pieces
 */
export function toStoredPieces(pieces: readonly Pieces[]): { lineId: string; quantity: string }[] {
  return pieces.map(({ line, count }) => ({ lineId: line.id, quantity: String(count) }));
}
