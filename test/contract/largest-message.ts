import {
  create,
  type DescField,
  type DescMessage,
  getOption,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { DurationSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import {
  type FieldRules,
  field as fieldOption,
  type StringRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** As wide as characters get in UTF-8, and narrower ones: the first that a pattern takes is used. */
const CHARACTERS = ["😀", "€", "é", "a", "A", "0", "-", ".", ":", "[", "]"];
const FOUR_BYTES: ReadonlySet<ScalarType> = new Set([
  ScalarType.FLOAT,
  ScalarType.FIXED32,
  ScalarType.SFIXED32,
]);
const EIGHT_BYTES: ReadonlySet<ScalarType> = new Set([
  ScalarType.DOUBLE,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);

/** As JSON can write them, which writes no others. */
const TIMES: Readonly<Record<string, Uint8Array>> = {
  [TimestampSchema.typeName]: toBinary(
    TimestampSchema,
    create(TimestampSchema, { seconds: -62_135_596_800n, nanos: 999_999_999 }),
  ),
  [DurationSchema.typeName]: toBinary(
    DurationSchema,
    create(DurationSchema, { seconds: -315_576_000_000n, nanos: -999_999_999 }),
  ),
};

/**
 * The bytes of the largest message that the bounds of its fields allow: lists are full, texts are of the widest
 * characters, numbers are negative, and of a oneof there is the field that takes most.
 *
 * @param schema its type
 * @throws Error where there is no bound, or none that is known here
 */
export function largestMessage(schema: DescMessage): Uint8Array {
  const fields = schema.members.map((member) =>
    member.kind === "oneof" ? longest(member.fields.map(largestField)) : largestField(member),
  );
  return Buffer.concat(fields);
}

function largestField(field: DescField): Uint8Array {
  const rules = getOption(field, fieldOption);
  const { case: kind, value } = rules.type;
  if (field.fieldKind === "map") {
    const { maxPairs, keys, values } = (kind === "map" && value) || unbounded(field);
    const entry = new BinaryWriter()
      .raw(largestScalar(field, field.mapKey, 1, keys))
      .raw(largestValue(field, 2, values))
      .finish();
    return times(delimited(field.number, entry), maxPairs, field);
  }
  if (field.fieldKind === "list") {
    const { maxItems, items } = (kind === "repeated" && value) || unbounded(field);
    return times(largestValue(field, field.number, items), maxItems, field);
  }
  return largestValue(field, field.number, rules);
}

function largestValue(field: DescField, number: number, rules: FieldRules | undefined): Uint8Array {
  const { message, scalar } = field;
  if (message === undefined) return largestScalar(field, scalar, number, rules);
  if (message.typeName in TIMES) return delimited(number, TIMES[message.typeName] as Uint8Array);
  if (rules?.type.case !== "fieldMask") return delimited(number, largestMessage(message));
  const paths = rules.type.value.in.map((path) => delimited(1, Buffer.from(path)));
  return delimited(number, Buffer.concat(paths));
}

function largestScalar(
  field: DescField,
  scalar: ScalarType | undefined,
  number: number,
  rules: FieldRules | undefined,
): Uint8Array {
  if (scalar === ScalarType.STRING) {
    const text = rules?.type.case === "string" ? largestText(rules.type.value) : undefined;
    return delimited(number, Buffer.from(text ?? unbounded(field)));
  }
  if (scalar === ScalarType.BYTES) {
    const { maxLen, len } = (rules?.type.case === "bytes" && rules.type.value) || unbounded(field);
    return delimited(number, Buffer.alloc(Number(maxLen || len || unbounded(field))));
  }
  const writer = new BinaryWriter();
  if (scalar !== undefined && FOUR_BYTES.has(scalar)) writer.tag(number, WireType.Bit32).sfixed32(-1);
  else if (scalar !== undefined && EIGHT_BYTES.has(scalar)) writer.tag(number, WireType.Bit64).sfixed64(-1n);
  else writer.tag(number, WireType.Varint).int64(-1n);
  return writer.finish();
}

/** The longest text that rules allow; undefined where they set no bound. */
function largestText(rules: StringRules): string | undefined {
  const { maxLen, len, maxBytes, lenBytes, const: only, in: members, wellKnown, pattern } = rules;
  const bytes = Number(maxBytes || lenBytes);
  if (bytes > 0) return "a".repeat(bytes);
  const characters = Number(maxLen || len);
  if (characters > 0) return CHARACTERS[0]?.repeat(characters);
  if (only !== "" || members.length > 0)
    return [only, ...members].reduce((a, b) => (a.length < b.length ? b : a));
  if (wellKnown.case === "uuid") return "ffffffff-ffff-ffff-ffff-ffffffffffff";
  return pattern === "" ? undefined : longestMatch(pattern);
}

/** The longest text that a pattern matches that is a row of characters and classes, each once or so many times. */
function longestMatch(pattern: string): string {
  const row = pattern.slice(1, -1).matchAll(/(\\.|\[[^\]]*\]|[^\\[])(?:\{(?:\d+,)?(\d+)\}|\?)?/gu);
  const text = [...row].map(([, one = "", most = "1"]) => widest(one).repeat(Number(most))).join("");
  if (!new RegExp(pattern, "u").test(text)) throw new Error(`no text is known that ${pattern} matches`);
  return text;
}

function widest(one: string): string {
  return CHARACTERS.find((character) => new RegExp(`^${one}$`, "u").test(character)) ?? one;
}

function delimited(number: number, content: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(content).finish();
}

function times(bytes: Uint8Array, most: bigint, field: DescField): Uint8Array {
  return Buffer.concat(Array(Number(most || unbounded(field))).fill(bytes));
}

function longest(all: readonly Uint8Array[]): Uint8Array {
  return all.reduce((a, b) => (a.length < b.length ? b : a), new Uint8Array());
}

function unbounded(field: DescField): never {
  throw new Error(`${field} has no bound that is known here`);
}
