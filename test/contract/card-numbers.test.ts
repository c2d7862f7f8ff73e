import {
  create,
  type DescField,
  type DescMessage,
  getOption,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import test from "ava";
import { contracts } from "#gen/contracts.ts";
import { long_numbers } from "#gen/souk/mesh/v1/policy_pb.ts";
import { holdsCardNumber } from "#kit/policy/card-number.ts";
import { findUnstorable } from "#kit/policy/storable.ts";

const CARD_NUMBERS = [
  "4242424242424242",
  "4242 4242 4242 4242",
  "3782-822463-10005",
  "4222222222222",
  "6304000000000000000",
  "my card is 5555 5555 5555 4444, until 12/30",
];

/** Fields in which long numbers are meant; whoever adds one says here why. */
const MEANT = new Map([
  ["souk.mesh.v1.Address.phone", "telephones"],
  ["souk.order.v1.ShipOrderRequest.tracking_number", "parcels"],
  ["souk.order.v1.ShipOrderRequest.tracking_uri", "parcels"],
  ["souk.order.v1.UpdateShipmentRequest.tracking_number", "parcels"],
  ["souk.order.v1.UpdateShipmentRequest.tracking_uri", "parcels"],
]);

const services = [...contracts].filter((it) => it.kind === "service");

for (const domain of ["payment", "order"]) {
  test(`in every request of ${domain}, each text that looks like a card number is refused, with its field`, (t) => {
    let fields = 0;
    for (const service of services.filter(({ file }) => file.proto.package === `souk.${domain}.v1`)) {
      for (const { input } of service.methods) {
        for (const { path, field, message } of textsIn(input)) {
          fields++;
          const name = `${field.parent.typeName}.${field.name}`;
          if (getOption(field, long_numbers)) {
            t.true(MEANT.has(name), `${name} holds long numbers, and nobody says why`);
            continue;
          }
          for (const number of CARD_NUMBERS) {
            const found = findUnstorable(input, message(number));
            t.is(found?.field, path, `${input.typeName}: ${number}`);
            t.regex(found?.description ?? "", /payment card/);
          }
        }
      }
    }
    t.true(fields > 20, `only ${fields} fields were looked at`);
  });
}

test("numbers of other kinds are let through", (t) => {
  for (const other of [
    "tok_4242424242424242",
    "4242424242424241",
    "+49 431 1234 5678 905",
    "018f6b1c-7c8e-7d0a-8a53-6f0a4f2f7e11",
    "42424242-4242-4242-4242-424242424242",
    "order 424242424242",
    "42424242424242424242",
    "",
  ]) {
    t.false(holdsCardNumber(other), other);
  }
});

interface TextField {
  /** As refusals write it. */
  readonly path: string;
  readonly field: DescField;
  /** The request with a text in that field. */
  message(text: string): Message;
}

/** Every text of a message and of the messages in it; what holds itself is entered once. */
function textsIn(schema: DescMessage, entered: readonly DescMessage[] = []): TextField[] {
  if (entered.includes(schema) || schema.file.proto.package.startsWith("google.")) return [];
  return schema.fields.flatMap((field): TextField[] => {
    const holding = (value: unknown) =>
      create(
        schema,
        (field.oneof === undefined
          ? { [field.localName]: value }
          : { [field.oneof.localName]: { case: field.localName, value } }) as never,
      );
    if (field.scalar === ScalarType.STRING) {
      if (field.fieldKind === "map") {
        return [{ path: `${field.name}[key]`, field, message: (text) => holding({ key: text }) }];
      }
      const isList = field.fieldKind === "list";
      const path = isList ? `${field.name}[0]` : field.name;
      return [{ path, field, message: (text) => holding(isList ? [text] : text) }];
    }
    if (field.message === undefined || field.fieldKind === "map") return [];
    const isList = field.fieldKind === "list";
    return textsIn(field.message, [...entered, schema]).map((inner) => ({
      path: `${field.name}${isList ? "[0]" : ""}.${inner.path}`,
      field: inner.field,
      message: (text) => holding(isList ? [inner.message(text)] : inner.message(text)),
    }));
  });
}
