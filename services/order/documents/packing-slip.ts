import type { MessageInitShape } from "@bufbuild/protobuf";
import type { GetPackingSlipResponseSchema } from "#gen/souk/order/v1/shipment_pb.ts";
import type { ShipmentOfOrder } from "../after-sale/shipments.ts";
import type { Shop } from "../shop.ts";
import { addressLines } from "./address-lines.ts";
import { type Column, printDocument } from "./document.ts";

const COLUMNS: readonly Column[] = [
  { title: "Article", share: 0.6, align: "left" },
  { title: "Number", share: 0.25, align: "left" },
  { title: "Quantity", share: 0.15, align: "right" },
];

/**
 * The packing slip of a shipment as a file: what is in it, and no prices.
 *
 * @param shop who sends it, and how it is printed
 * @param sent the shipment with its order
 */
export async function printPackingSlip(
  shop: Shop,
  { order, shipment }: ShipmentOfOrder,
): Promise<MessageInitShape<typeof GetPackingSlipResponseSchema>> {
  const place = order.shipments.findIndex(({ id }) => id === shipment.id) + 1;
  const rows = shipment.lines.map(({ lineId, quantity }) => {
    const line = order.lines.find(({ id }) => id === lineId);
    const title = [line?.title ?? "", ...(line?.option_values ?? [])].join(", ");
    return [line?.note ? `${title}\n${line.note}` : title, line?.sku ?? "", quantity];
  });
  const facts: [string, string][] = [
    ["Order", order.number],
    ["Shipment", String(place)],
    ["Sent on", shipment.create_time.toISOString().slice(0, 10)],
    ["Carrier", shipment.carrier],
    ["Tracking number", shipment.tracking_number],
  ];
  const pdf = await printDocument(
    {
      title: `Packing slip ${order.number} / ${place}`,
      sender: shop.seller,
      recipient: addressLines(order.shipping_address),
      facts: facts.filter(([, value]) => value !== ""),
      columns: COLUMNS,
      rows,
      sums: [],
      remarks: [],
      issuedAt: shipment.create_time,
    },
    shop.press,
  );
  return { filename: `packing-slip-${order.number}-${place}.pdf`, pdf };
}
