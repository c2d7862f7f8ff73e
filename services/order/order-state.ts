/**
 * How far an order is. CANCELLING is one that was confirmed and is on its way to CANCELLED: its money and its stock
 * are being given back.
 */
export type OrderState = "PENDING" | "CONFIRMED" | "CANCELLING" | "CANCELLED";

/** From which state an order may go to which: the one table of it. */
export const TRANSITIONS: Readonly<Record<OrderState, readonly OrderState[]>> = {
  PENDING: ["CONFIRMED", "CANCELLED"],
  CONFIRMED: ["CANCELLING"],
  // Back to CONFIRMED when the payment turns out to be captured.
  CANCELLING: ["CANCELLED", "CONFIRMED"],
  CANCELLED: [],
};

/**
 * Whether an order may go from one state to another.
 *
 * @param from the state it is in
 * @param to the state it shall be in
 */
export function mayMove(from: OrderState, to: OrderState): boolean {
  return TRANSITIONS[from].includes(to);
}

/** Whether nothing can become of an order any more. */
export function hasEnded(state: OrderState): boolean {
  return TRANSITIONS[state].length === 0;
}
