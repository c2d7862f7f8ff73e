/** How far a payment is, as the contract's PaymentState names it. */
export type PaymentStateName = "PENDING" | "AUTHORIZED" | "CAPTURED" | "VOIDED" | "DECLINED";

/**
 * The one table of states: for each, those that come right before it. A state with none is where
 * payments begin; CAPTURED, VOIDED and DECLINED come before nothing, they are final. A payment that
 * is given up before it was asked for begins as VOIDED.
 */
export const PREDECESSORS = {
  PENDING: [],
  AUTHORIZED: ["PENDING"],
  CAPTURED: ["AUTHORIZED"],
  VOIDED: ["PENDING", "AUTHORIZED"],
  DECLINED: ["PENDING"],
} as const satisfies Record<PaymentStateName, readonly PaymentStateName[]>;
