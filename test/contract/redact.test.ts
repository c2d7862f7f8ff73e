import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import test from "ava";
import { files } from "#gen/contracts.ts";
import { redact } from "#kit/redact.ts";

const SECRET = "s3cr3t-m4rk";
const PLAIN = "pl41n-m4rk";

/** A message whose every text is a mark: of a secret where the contract says so, or where what holds it is one. */
function marked(schema: DescMessage, secret = false, depth = 0): Message {
  const init: Record<string, unknown> = {};
  for (const field of schema.fields) {
    const inside = secret || field.proto.options?.debugRedact === true;
    const value = contentFor(field, inside, depth);
    if (value === undefined) continue;
    if (field.oneof === undefined) init[field.localName] = value;
    else init[field.oneof.localName] = { case: field.localName, value };
  }
  return create(schema, init);
}

function contentFor(field: DescField, secret: boolean, depth: number): unknown {
  const mark = secret ? SECRET : PLAIN;
  if (field.message !== undefined) {
    if (depth > 3) return undefined;
    const value = marked(field.message, secret, depth + 1);
    if (field.fieldKind === "list") return [value];
    return field.fieldKind === "map" ? { key: value } : value;
  }
  if (field.scalar === ScalarType.BYTES && field.fieldKind === "scalar") return Buffer.from(mark);
  if (field.scalar !== ScalarType.STRING) return undefined;
  if (field.fieldKind === "list") return [mark];
  return field.fieldKind === "map" ? { [mark]: mark } : mark;
}

test("what is shown of a message leaves out all that its contract marks, and only that", (t) => {
  let secrets = 0;
  for (const file of files) {
    for (const schema of nestedTypes(file)) {
      if (schema.kind !== "message") continue;
      const message = marked(schema);
      const shown = JSON.stringify(redact(schema, message));
      t.false(shown.includes(SECRET), `${schema.typeName}: ${shown}`);
      for (const field of schema.fields) {
        if (field.scalar !== ScalarType.STRING || field.oneof !== undefined) continue;
        const { [field.name]: value } = redact(schema, message);
        if (field.proto.options?.debugRedact) secrets++;
        t.is(JSON.stringify(value).includes(PLAIN), !field.proto.options?.debugRedact, `${field}`);
      }
    }
  }
  t.true(secrets > 30, `${secrets} fields are marked`);
});
