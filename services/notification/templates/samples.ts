import { create } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { type Order, OrderSchema, type OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { money } from "#kit/money.ts";

/** An amount in euros, for previews. */
export function sampleAmount(cents: bigint): Money {
  return money(cents, "EUR");
}

/** When something ends, for previews. */
export function sampleEnd(): Timestamp {
  return timestampFromDate(new Date("2030-06-01T12:00:00Z"));
}

/** The id of the shipment of a sample order. */
export const SAMPLE_SHIPMENT = "shipment";

/** Some of a sample order. */
export const SAMPLE_PIECES = [{ lineId: "lamp", quantity: 1n }];

/**
 * An order of two lines, of which one was sent, for previews.
 *
 * @param state how far it is
 */
export function sampleOrder(state?: OrderState): Order {
  return create(OrderSchema, {
    number: "7K3MW-9QXD2",
    ...(state !== undefined && { state }),
    lines: [
      {
        id: "lamp",
        title: "Desk lamp",
        optionValues: ["brass"],
        quantity: 2n,
        unitPrice: sampleAmount(4_900n),
      },
      { id: "cup", title: "Tea cup", quantity: 1n, unitPrice: sampleAmount(1_250n) },
    ],
    subtotal: sampleAmount(11_050n),
    shipping: sampleAmount(490n),
    total: sampleAmount(11_540n),
    taxIncluded: sampleAmount(1_843n),
    shipments: [
      {
        id: SAMPLE_SHIPMENT,
        lines: SAMPLE_PIECES,
        carrier: "DHL",
        trackingNumber: "00340434161094022115",
        trackingUri: "https://carrier.example/00340434161094022115",
      },
    ],
  });
}
