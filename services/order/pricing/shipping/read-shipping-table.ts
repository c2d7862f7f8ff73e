import { amount, flag, listOf, oneOf, place, type Reader, recordOf, shape, text } from "../read-table.ts";
import type { ShippingTable } from "./shipping-table.ts";

const step = shape({ cost: amount }, { upTo: amount });
const rate = shape({ by: oneOf("weight", "subtotal", "pieces"), steps: listOf(step) }, { freeFrom: amount });
const method = shape(
  { id: text(/^[a-z][a-z0-9-]{0,49}$/), name: text(), rates: recordOf(text(/^[A-Z]{3}$/), rate) },
  { isPickUp: flag },
);
const somewhere: Reader<string> = (value, path) => (value === "*" ? "*" : place(value, path));
const zone = shape({ name: text(), places: listOf(somewhere), methods: listOf(method) });

/** Reads how a shop ships as it is written in JSON, for example `{"zones": [...]}`; amounts are minor units. */
export const readShippingTable: Reader<ShippingTable> = shape({ zones: listOf(zone) });
