import { type DescField, type DescMessage, getOption, ScalarType } from "@bufbuild/protobuf";
import {
  type FieldRules,
  field as fieldOption,
  Ignore,
  type StringRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** Patterns stand only for short texts, where contracts give no longest length beside them. */
export const LONGEST_MATCH = 10_000;

/** A tag or a length, and a number, at their longest (protobuf encoding, varints). */
const PREFIX_BYTES = 5;
const NUMBER_BYTES = 10;
/** A character in UTF-8 (RFC 3629, 3). */
const CHARACTER_BYTES = 4;
/** The longest form of a UUID that the rules of contracts take. */
const UUID_LENGTH = 36;
const UNBOUNDED = Number.POSITIVE_INFINITY;
/** What everybody may send beside that: fields that a later contract adds, and what is written twice. */
const SPARE_BYTES = 65_536;

const known = new WeakMap<DescMessage, number>();

/**
 * How many bytes the largest message has that the rules of its fields allow, and some to spare. Rules can be checked only
 * when all of a message is decoded: 4 MB of empty items take a process a quarter of a second, though its list may have
 * 200.
 *
 * @param schema the message's type
 * @returns Infinity where there is no bound
 */
export function mostBytes(schema: DescMessage): number {
  let most = known.get(schema);
  if (most === undefined) {
    most = SPARE_BYTES + bytesOf(schema, new Set());
    known.set(schema, most);
  }
  return most;
}

function bytesOf(schema: DescMessage, within: ReadonlySet<DescMessage>): number {
  // A message that can hold itself has no bound.
  if (within.has(schema)) return UNBOUNDED;
  const inside = new Set(within).add(schema);
  return schema.fields.reduce(
    (sum, field) => sum + fieldBytes(field, getOption(field, fieldOption), inside),
    0,
  );
}

function fieldBytes(field: DescField, rules: FieldRules, within: ReadonlySet<DescMessage>): number {
  const { type, ignore } = rules;
  if (ignore === Ignore.ALWAYS) return UNBOUNDED;
  switch (field.fieldKind) {
    case "list": {
      const list = type.case === "repeated" ? type.value : undefined;
      return Number(list?.maxItems || UNBOUNDED) * valueBytes(field, list?.items, within);
    }
    case "map": {
      const map = type.case === "map" ? type.value : undefined;
      const pair = scalarBytes(field.mapKey, map?.keys) + valueBytes(field, map?.values, within);
      return Number(map?.maxPairs || UNBOUNDED) * (2 * PREFIX_BYTES + pair);
    }
    default:
      return valueBytes(field, rules, within);
  }
}

/** A value with the tag and the length that stand before it. */
function valueBytes(
  { message, scalar }: DescField,
  rules: FieldRules | undefined,
  within: ReadonlySet<DescMessage>,
): number {
  if (message === undefined) return scalarBytes(scalar, rules);
  if (rules?.ignore === Ignore.ALWAYS) return UNBOUNDED;
  const paths = rules?.type.case === "fieldMask" ? rules.type.value.in : [];
  if (paths.length === 0) return 2 * PREFIX_BYTES + bytesOf(message, within);
  return paths.reduce((sum, path) => sum + 2 * PREFIX_BYTES + path.length, 2 * PREFIX_BYTES);
}

/** The same of a scalar, or of a member of an enum, which is a number. */
function scalarBytes(scalar: ScalarType | undefined, rules: FieldRules | undefined): number {
  if (scalar !== ScalarType.STRING && scalar !== ScalarType.BYTES) return PREFIX_BYTES + NUMBER_BYTES;
  const type = rules?.ignore === Ignore.ALWAYS ? undefined : rules?.type;
  if (type?.case === "string") return 2 * PREFIX_BYTES + textBytes(type.value);
  const most = type?.case === "bytes" ? Number(type.value.maxLen || type.value.len) : 0;
  return 2 * PREFIX_BYTES + (most || UNBOUNDED);
}

function textBytes(rules: StringRules): number {
  const { maxLen, len, maxBytes, lenBytes, in: members, const: only, wellKnown, pattern } = rules;
  const bytes = Number(maxBytes || lenBytes);
  if (bytes > 0) return bytes;
  const longest = Math.max(only.length, ...members.map((member) => member.length));
  const form = wellKnown.case === "uuid" && wellKnown.value ? UUID_LENGTH : 0;
  return CHARACTER_BYTES * (Number(maxLen || len) || longest || form || longestMatch(pattern));
}

/** The longest text that a regular expression (RE2 syntax) matches, where it is a plain row of characters and classes. */
function longestMatch(pattern: string): number {
  if (pattern === "") return UNBOUNDED;
  const row = pattern
    .replace(/\\./g, "x")
    .replace(/\[[^\]]*\]/g, "x")
    .replace(/\?/g, "");
  if (!/^\^[^*+|()]*\$$/.test(row) || row.includes(",}")) return LONGEST_MATCH;
  const repeated = [...row.matchAll(/\{(?:\d+,)?(\d+)\}/g)].reduce((sum, [, most]) => sum + Number(most), 0);
  return row.length + repeated;
}
