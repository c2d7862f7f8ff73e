/** How far a payment is, as the contract's PaymentState names it. */
export type PaymentStateName =
  | "PENDING"
  | "ACTION_REQUIRED"
  | "AUTHORIZED"
  | "PARTIALLY_CAPTURED"
  | "CAPTURED"
  | "PARTIALLY_REFUNDED"
  | "REFUNDED"
  | "VOIDED"
  | "DECLINED"
  | "EXPIRED";

/**
 * The one table of states: for each, those that come right before it. A state with none is where
 * payments begin; what comes before nothing is final. A payment that is given up before it was asked
 * for begins as VOIDED. Money may be given back while some is still set aside: the payment then stays
 * PARTIALLY_CAPTURED until the rest is taken or free.
 */
export const PREDECESSORS = {
  PENDING: [],
  ACTION_REQUIRED: ["PENDING"],
  AUTHORIZED: ["PENDING", "ACTION_REQUIRED"],
  PARTIALLY_CAPTURED: ["AUTHORIZED", "PARTIALLY_CAPTURED"],
  CAPTURED: ["AUTHORIZED", "PARTIALLY_CAPTURED"],
  PARTIALLY_REFUNDED: ["CAPTURED", "PARTIALLY_CAPTURED", "PARTIALLY_REFUNDED"],
  REFUNDED: ["CAPTURED", "PARTIALLY_CAPTURED", "PARTIALLY_REFUNDED"],
  VOIDED: ["PENDING", "ACTION_REQUIRED", "AUTHORIZED"],
  DECLINED: ["PENDING", "ACTION_REQUIRED"],
  EXPIRED: ["ACTION_REQUIRED", "AUTHORIZED"],
} as const satisfies Record<PaymentStateName, readonly PaymentStateName[]>;

/** Whether the table lets a payment go from one state to another. */
export function mayMove(from: PaymentStateName, to: PaymentStateName): boolean {
  return (PREDECESSORS[to] as readonly PaymentStateName[]).includes(from);
}

/**
 * The state of a payment of which money was taken.
 *
 * @param open what is still set aside, in minor units
 * @param captured what was taken, in minor units
 * @param refunded what of that was given back, in minor units
 */
export function stateOfTaken(open: bigint, captured: bigint, refunded: bigint): PaymentStateName {
  if (open > 0n) return "PARTIALLY_CAPTURED";
  if (refunded === 0n) return "CAPTURED";
  return refunded < captured ? "PARTIALLY_REFUNDED" : "REFUNDED";
}
