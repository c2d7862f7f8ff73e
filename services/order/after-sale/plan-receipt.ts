import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { StoredOrder, StoredReturn } from "../order-parts.ts";
import type { StoredReturnLine } from "./after-sale.ts";
import { lineNotFound } from "./pieces.ts";
import { leftToRefund, planRefund, refundable, requireCurrency } from "./refunds.ts";

/** What came back of a line. */
export interface ReceivedItem {
  readonly lineId: string;
  readonly restocked: bigint;
  readonly writtenOff: bigint;
}

/** What staff books. */
export interface Receipt {
  readonly id: string;
  readonly items: readonly ReceivedItem[];
  /** Where to; "" for the location with the highest priority. */
  readonly locationId: string;
  /** How much to give back; what the goods that came back cost, when left out. */
  readonly refundAmount: Money | undefined;
  readonly withShipping: boolean;
  readonly etag: string;
}

/**
 * What came back of each line of a return; nothing of those that staff does not name.
 *
 * @param stored the return
 * @param items what staff names
 * @throws SoukError LINE_NOT_FOUND, QUANTITY_EXCEEDED, RETURN_NOT_BOOKED or INVALID_REQUEST
 */
export function receivedLines(stored: StoredReturn, items: readonly ReceivedItem[]): StoredReturnLine[] {
  const named = new Set(items.map(({ lineId }) => lineId.toLowerCase()));
  const unknown = [...named].find((id) => !stored.lines.some(({ lineId }) => lineId === id));
  if (unknown !== undefined) throw lineNotFound("return", stored.id, unknown);
  const all = stored.lines.map((line) => {
    const received = items.filter(({ lineId }) => lineId.toLowerCase() === line.lineId);
    const restocked = received.reduce((sum, it) => sum + it.restocked, 0n);
    const writtenOff = received.reduce((sum, it) => sum + it.writtenOff, 0n);
    if (restocked + writtenOff <= BigInt(line.quantity))
      return { ...line, restocked: String(restocked), writtenOff: String(writtenOff) };
    throw refuse(
      ErrorReason.QUANTITY_EXCEEDED,
      `of line ${line.lineId}, ${line.quantity} were to come back, and ${restocked + writtenOff} are said to have`,
      { metadata: { line_id: line.lineId, left: line.quantity, asked: String(restocked + writtenOff) } },
    );
  });
  if (stored.exchange_order_id !== null) requireAll(stored, all);
  if (all.some(({ restocked, writtenOff }) => restocked !== "0" || writtenOff !== "0")) return all;
  const description = "says of no line that some of it came back; say how many, or reject the return";
  throw refuseMesh(MeshReason.INVALID_REQUEST, `items ${description}`, {
    violations: [{ field: "items", description }],
  });
}

/** What goods cost that are exchanged pays for others, so that either all of them came back or none. */
function requireAll({ id, exchange_order_id }: StoredReturn, lines: readonly StoredReturnLine[]): void {
  const missing = lines.find(
    (line) => BigInt(line.restocked) + BigInt(line.writtenOff) < BigInt(line.quantity),
  );
  if (missing === undefined) return;
  throw refuse(
    ErrorReason.RETURN_NOT_BOOKED,
    `the goods of return ${id} are exchanged, and some of line ${missing.lineId} are missing; cancel order ${exchange_order_id}, or reject the return where that is sent, to take fewer back`,
    { metadata: { return_id: id, line_id: missing.lineId, exchange_order_id: exchange_order_id ?? "" } },
  );
}

/**
 * What is given back for goods that came back; nothing where they were given back for already.
 *
 * @param order their order, locked
 * @param returned the return
 * @param lines what came back of it
 * @param receipt what staff books
 * @throws SoukError CURRENCY_MISMATCH or REFUND_EXCEEDED
 */
export function planReturnRefund(
  order: StoredOrder,
  { exchange_order_id }: StoredReturn,
  lines: readonly StoredReturnLine[],
  { refundAmount, withShipping }: Receipt,
) {
  requireCurrency(order, refundAmount, "refund_amount");
  const nothing = { amount: 0n, lines: [], shipping: 0n };
  // What goods cost that are exchanged went to the order that replaces them.
  const paid = exchange_order_id === null ? lines : [];
  const items = paid.flatMap(({ lineId, restocked, writtenOff }) => {
    const line = order.lines.find(({ id }) => id === lineId);
    const left = line === undefined ? 0n : refundable(line);
    const back = BigInt(restocked) + BigInt(writtenOff);
    const quantity = back < left ? back : left;
    return quantity > 0n ? [{ lineId, quantity }] : [];
  });
  const isFree = refundAmount === undefined ? items.length === 0 && !withShipping : refundAmount.minor === 0n;
  if (isFree || leftToRefund(order) === 0n) return nothing;
  const isCapped = refundAmount === undefined;
  return planRefund(order, { items, withShipping: isCapped && withShipping, amount: refundAmount, isCapped });
}
