import {
  OrderCancelledSchema,
  OrderConfirmedSchema,
  OrderDeliveredSchema,
  OrderEditedSchema,
  OrderExchangedSchema,
  OrderRefundedSchema,
  OrderShippedSchema,
  ReturnChangedSchema,
} from "#gen/souk/order/v1/events_pb.ts";

/** The full names of the events of which webhooks can be told. */
export const offeredEvents: ReadonlySet<string> = new Set(
  [
    OrderConfirmedSchema,
    OrderShippedSchema,
    OrderDeliveredSchema,
    OrderCancelledSchema,
    OrderEditedSchema,
    OrderRefundedSchema,
    OrderExchangedSchema,
    ReturnChangedSchema,
  ].map(({ typeName }) => typeName),
);
