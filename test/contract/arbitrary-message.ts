import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  fromJson,
  type Message,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import fc from "fast-check";
import { exampleRequest } from "../../deploy/contracts/example-request.ts";

/** What programs stumble over in a text. */
const TEXTS: readonly string[] = [
  "",
  "\u0000",
  "a\u0000b",
  "\u202e\ufeff",
  "'; drop table account; --",
  "%00%ff../../etc/passwd",
  "{{7*7}}<script>",
  "😀".repeat(300),
  "x".repeat(10_000),
  "00000000-0000-0000-0000-000000000000",
  "018f6b1c-7c8e-7d0a-8a53-6f0a4f2f7e1",
  "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
  "-1",
  "NaN",
];

const INT32 = [0, 1, -1, 20, 2_147_483_647, -2_147_483_648];
const INT64 = [0n, 1n, -1n, 2n ** 31n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];
const FLOATS = [0, -0, 1.5, 1e300, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
/** Messages within messages go no deeper. */
const DEPTH = 4;
/** How many items a list may have that is longer than any should be. */
const MANY = 300;
/** A list holds about so much at most, in bytes: lists in lists grow beyond what any server takes. */
const LARGEST_LIST = 2_000_000;
/** So many empty items come as a few hundred kilobytes. */
const SWARM = 100_000;

/**
 * Requests as bytes: the contract's example with a field that is something else, any message of the type,
 * and bytes that are no message of it.
 *
 * @param message the type of the request
 * @param ids ids of things that there are
 */
export function arbitraryRequest(message: DescMessage, ids: readonly string[]): fc.Arbitrary<Uint8Array> {
  const example = fromJson(message, exampleRequest(message));
  const shaped = arbitraryMessage(message, ids, 0).map((it) => toBinary(message, it));
  const near = nearExample(message, example, ids);
  const mutable = fc.oneof(fc.constant(toBinary(message, example)), near, shaped);
  return fc.oneof(
    { weight: 5, arbitrary: near },
    { weight: 3, arbitrary: shaped },
    { weight: 1, arbitrary: fc.tuple(mutable, unknownFields()).map(([a, b]) => Buffer.concat([a, b])) },
    { weight: 1, arbitrary: mutable.chain(mutated) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    ...swarms(message).map((arbitrary) => ({ weight: 1, arbitrary })),
  );
}

/** A list of a type, if there is one, of far more items than any rule allows, none of which takes more than two bytes. */
function swarms(message: DescMessage): fc.Arbitrary<Uint8Array>[] {
  const lists = message.fields.filter(({ fieldKind, number }) => fieldKind === "list" && number < 16);
  if (lists.length === 0) return [];
  return [
    fc
      .constantFrom(...lists)
      .map(({ number }) => Buffer.alloc(2 * SWARM, Buffer.from([(number << 3) | 2, 0]))),
  ];
}

/** The example with one field, at any depth, that holds anything of its type, or nothing. */
function nearExample(
  message: DescMessage,
  example: Message,
  ids: readonly string[],
): fc.Arbitrary<Uint8Array> {
  if (message.fields.length === 0) return fc.constant(toBinary(message, example));
  return fc.constantFrom(...message.fields).chain((field) => {
    const inner = innerOf(example, field);
    const deeper =
      inner === undefined || field.message === undefined
        ? []
        : [
            nearExample(field.message, inner, ids).map((bytes) =>
              fromBinary(field.message as DescMessage, bytes),
            ),
          ];
    const value = fc.oneof(fc.constant(undefined), arbitraryField(field, ids, 1), ...deeper);
    return value.map((it) => toBinary(message, withField(message, example, field, it)));
  });
}

/** Any message of a type, each field set or not. */
function arbitraryMessage(
  message: DescMessage,
  ids: readonly string[],
  depth: number,
): fc.Arbitrary<Message> {
  const fields = depth < DEPTH ? message.fields : message.fields.filter(({ message: inner }) => !inner);
  const chosen = fc.record(
    Object.fromEntries(fields.map((field) => [field.name, arbitraryField(field, ids, depth + 1)])),
    { requiredKeys: [] },
  );
  return chosen.map((values) =>
    fields.reduce<Message>(
      (it, field) => (field.name in values ? withField(message, it, field, values[field.name]) : it),
      create(message),
    ),
  );
}

function arbitraryField(field: DescField, ids: readonly string[], depth: number): fc.Arbitrary<unknown> {
  const one = arbitraryItem(field, ids, depth);
  switch (field.fieldKind) {
    case "list":
      return fc.oneof(
        { weight: 4, arbitrary: fc.array(one, { maxLength: 3 }) },
        { weight: 1, arbitrary: one.map((item) => Array(howMany(field, item)).fill(item)) },
      );
    case "map":
      return fc.array(fc.tuple(arbitraryText(ids), one), { maxLength: 3 }).map(Object.fromEntries);
    default:
      return one;
  }
}

function howMany(field: DescField, item: unknown): number {
  const size =
    field.message !== undefined
      ? toBinary(field.message, item as Message).byteLength
      : typeof item === "string" || item instanceof Uint8Array
        ? item.length
        : 0;
  return Math.max(1, Math.min(MANY, Math.floor(LARGEST_LIST / Math.max(1, size))));
}

function arbitraryItem(field: DescField, ids: readonly string[], depth: number): fc.Arbitrary<unknown> {
  if (field.message !== undefined) return arbitraryMessage(field.message, ids, depth);
  if (field.enum !== undefined) {
    return fc.constantFrom(...field.enum.values.map(({ number }) => number), -1, 999);
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return arbitraryText(ids);
    case ScalarType.BYTES:
      return fc.oneof(fc.uint8Array({ maxLength: 50 }), fc.constant(new Uint8Array(10_000)));
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return fc.constantFrom(...FLOATS);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return fc.constantFrom(0, 1, 4_294_967_295);
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return fc.constantFrom(...INT32);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return fc.constantFrom(0n, 1n, 2n ** 64n - 1n);
    default:
      return fc.constantFrom(...INT64);
  }
}

function arbitraryText(ids: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...ids) },
    { weight: 2, arbitrary: fc.constantFrom(...TEXTS) },
    { weight: 1, arbitrary: fc.uuid() },
    { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 60 }) },
  );
}

/** Fields that no contract knows: those of a newer release, and groups, which are no longer written. */
function unknownFields(): fc.Arbitrary<Uint8Array> {
  return fc.constantFrom(
    Buffer.from([0xf8, 0xff, 0x03, 0x01]),
    Buffer.from([0xfa, 0xff, 0x03, 0x03, 0x61, 0x62, 0x63]),
    Buffer.from([0xfb, 0xff, 0x03, 0xfc, 0xff, 0x03]),
    Buffer.concat(Array(500).fill(Buffer.from([0xf8, 0xff, 0x03, 0x01]))),
  );
}

/** Some bytes are others, or are missing at the end, or stand there twice. */
function mutated(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  const at = fc.nat({ max: Math.max(0, bytes.length - 1) });
  return fc.oneof(
    fc.array(fc.tuple(at, fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }).map((changes) => {
      const copy = Uint8Array.from(bytes);
      for (const [index, value] of changes) copy[index] = value;
      return copy;
    }),
    at.map((end) => bytes.subarray(0, end)),
    at.map((from) => Buffer.concat([bytes, bytes.subarray(from)])),
  );
}

/** A copy of a message in which a field has another value; undefined clears it. */
function withField(message: DescMessage, holder: Message, field: DescField, value: unknown): Message {
  const copy: Message & Record<string, unknown> = Object.create(
    Object.getPrototypeOf(holder),
    Object.getOwnPropertyDescriptors(holder),
  );
  const name = field.oneof?.localName ?? field.localName;
  if (value === undefined) copy[name] = (create(message) as typeof copy)[name];
  else copy[name] = field.oneof === undefined ? value : { case: field.localName, value };
  return copy;
}

function innerOf(message: Message, field: DescField): Message | undefined {
  const plain = message as unknown as Record<string, unknown>;
  if (field.fieldKind !== "message" || field.oneof !== undefined) return undefined;
  return plain[field.localName] as Message | undefined;
}
