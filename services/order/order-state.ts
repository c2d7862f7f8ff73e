import type { SoukError } from "#kit/error.ts";
import { ErrorReason, refuse } from "./errors.ts";

/** How far an order is. */
export type OrderState =
  | "PENDING"
  | "AWAITING_PAYMENT"
  | "CONFIRMED"
  | "CANCELLING"
  | "CANCELLED"
  | "PARTIALLY_SHIPPED"
  | "SHIPPED"
  | "DELIVERED"
  | "RETURNED";

/** What a state is, and to which an order may go from there, with what brings it there. */
export interface StateRule {
  readonly is: string;
  readonly to: Readonly<Partial<Record<OrderState, string>>>;
}

/** From which state an order may go to which: the one table of it. Guards, refusals and the document are made of it. */
export const ORDER_STATES: Readonly<Record<OrderState, StateRule>> = {
  PENDING: {
    is: "It is being placed: stock and payment are not both certain yet.",
    to: {
      CONFIRMED: "stock and payment are certain",
      AWAITING_PAYMENT: "the provider wants the customer to confirm",
      CANCELLED: "stock or payment are not to be had",
    },
  },
  AWAITING_PAYMENT: {
    is: "Its customer has to confirm the payment at the payment provider.",
    to: {
      CONFIRMED: "the customer confirmed, as CompletePayment finds or the provider tells",
      CANCELLED:
        "the payment is declined, the time is up, or the customer gives up (CancelOrder, CompletePayment)",
    },
  },
  CONFIRMED: {
    is: "Stock is set aside and the payment is authorized.",
    to: {
      CANCELLING: "CancelOrder, or CancelOrderItems of all",
      PARTIALLY_SHIPPED: "ShipOrder of some",
      SHIPPED: "ShipOrder of all",
    },
  },
  CANCELLING: {
    is: "Its money and its stock are being given back; callers are told that it is CONFIRMED.",
    to: {
      CANCELLED: "all is given back",
      CONFIRMED: "the payment turns out to be taken",
    },
  },
  CANCELLED: { is: "Stock and money are given back.", to: {} },
  PARTIALLY_SHIPPED: {
    is: "Some of it is sent.",
    to: {
      SHIPPED: "ShipOrder or CancelOrderItems of the rest",
      DELIVERED: "CancelOrderItems of the rest, when all shipments have arrived",
      RETURNED: "CancelOrderItems of the rest, when all that was sent came back",
    },
  },
  SHIPPED: {
    is: "All of it is sent that was not cancelled.",
    to: {
      DELIVERED: "the last shipment arrives",
      RETURNED: "all of it comes back",
    },
  },
  DELIVERED: { is: "All of it arrived.", to: { RETURNED: "all of it comes back" } },
  RETURNED: { is: "All of it came back.", to: {} },
};

/** What may be done with an order beside bringing it to another state: in which states, and how else it is refused. */
export const ORDER_ACTS = {
  ship: {
    method: "ShipOrder",
    in: ["CONFIRMED", "PARTIALLY_SHIPPED"],
    reason: ErrorReason.ORDER_NOT_SHIPPABLE,
    verb: "be sent",
  },
  cancelItems: {
    method: "CancelOrderItems",
    in: ["CONFIRMED", "PARTIALLY_SHIPPED"],
    reason: ErrorReason.ORDER_NOT_CANCELLABLE,
    verb: "be cancelled",
  },
  edit: {
    method: "EditOrder",
    in: ["CONFIRMED"],
    reason: ErrorReason.ORDER_NOT_EDITABLE,
    verb: "be edited",
  },
  return: {
    method: "RequestReturn, ReceiveReturn, ExchangeOrder",
    in: ["PARTIALLY_SHIPPED", "SHIPPED", "DELIVERED"],
    reason: ErrorReason.ORDER_NOT_RETURNABLE,
    verb: "be sent back",
  },
} as const satisfies Readonly<
  Record<string, { method: string; in: readonly OrderState[]; reason: number; verb: string }>
>;

/** Something that may be done with an order in some states only. */
export type OrderAct = keyof typeof ORDER_ACTS;

/**
 * Whether an order may go from one state to another.
 *
 * @param from the state it is in
 * @param to the state it shall be in
 */
export function mayMove(from: OrderState, to: OrderState): boolean {
  return to in ORDER_STATES[from].to;
}

/**
 * Whether nothing can become of an order any more.
 *
 * @param state the state it is in
 */
export function hasEnded(state: OrderState): boolean {
  return Object.keys(ORDER_STATES[state].to).length === 0;
}

/**
 * Requires that something may be done with an order.
 *
 * @param act what shall be done
 * @param order the order
 * @throws SoukError with the reason of the act
 */
export function requireMay(act: OrderAct, order: { readonly id: string; readonly state: OrderState }): void {
  const states: readonly OrderState[] = ORDER_ACTS[act].in;
  if (!states.includes(order.state)) throw actRefused(act, order);
}

function actRefused(act: OrderAct, { id, state }: { id: string; state: OrderState }): SoukError {
  const rule = ORDER_ACTS[act];
  return refuse(
    rule.reason,
    `order ${id} cannot ${rule.verb}: it is ${state} and would have to be ${rule.in.join(" or ")}`,
    { metadata: { order_id: id, state } },
  );
}
