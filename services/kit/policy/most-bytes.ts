import { type DescField, type DescMessage, getOption, ScalarType } from "@bufbuild/protobuf";
import {
  type FieldRules,
  field as fieldOption,
  type StringRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** A tag or a length, and a number, at their longest (protobuf encoding, varints). */
const PREFIX_BYTES = 5;
const NUMBER_BYTES = 10;
/** A character in UTF-8 (RFC 3629, 3). */
const CHARACTER_BYTES = 4;
/** The longest form of a UUID that the rules of contracts take. */
const UUID_LENGTH = 36;
/** Patterns stand only for short texts, where contracts give no longest length beside them. */
const LONGEST_MATCH = 10_000;
/** What everybody may send: fields that a later contract adds, and what is written twice. */
const LEAST_BYTES = 65_536;

const known = new WeakMap<DescMessage, number>();

/**
 * How many bytes the largest message has that the rules of its fields allow. Rules can be checked only when all of a
 * message is decoded: 4 MB of empty items take a process a quarter of a second, though its list may have 200.
 *
 * @param schema the message's type
 * @returns Infinity where there is no bound
 */
export function mostBytes(schema: DescMessage): number {
  let most = known.get(schema);
  if (most === undefined) {
    // A message that can hold itself has no bound.
    known.set(schema, Number.POSITIVE_INFINITY);
    most = Math.max(LEAST_BYTES, bytesOf(schema, new Set()));
    known.set(schema, most);
  }
  return most;
}

function bytesOf(schema: DescMessage, within: ReadonlySet<DescMessage>): number {
  if (within.has(schema)) return Number.POSITIVE_INFINITY;
  const inside = new Set(within).add(schema);
  return schema.fields.reduce(
    (sum, field) => sum + fieldBytes(field, getOption(field, fieldOption), inside),
    0,
  );
}

function fieldBytes(field: DescField, rules: FieldRules, within: ReadonlySet<DescMessage>): number {
  const { type } = rules;
  switch (field.fieldKind) {
    case "scalar":
      return scalarBytes(field.scalar, rules);
    case "enum":
      return PREFIX_BYTES + NUMBER_BYTES;
    case "message":
      if (type.case === "fieldMask") {
        return type.value.in.reduce((sum, path) => sum + PREFIX_BYTES + path.length, 2 * PREFIX_BYTES);
      }
      return 2 * PREFIX_BYTES + bytesOf(field.message, within);
    case "list": {
      const list = type.case === "repeated" ? type.value : undefined;
      const most = Number(list?.maxItems || Number.POSITIVE_INFINITY);
      if (field.listKind === "message") return most * (2 * PREFIX_BYTES + bytesOf(field.message, within));
      if (field.listKind === "enum") return most * (PREFIX_BYTES + NUMBER_BYTES);
      return most * scalarBytes(field.scalar, list?.items);
    }
    case "map": {
      const map = type.case === "map" ? type.value : undefined;
      const most = Number(map?.maxPairs || Number.POSITIVE_INFINITY);
      const key = scalarBytes(field.mapKey, map?.keys);
      if (field.mapKind === "message")
        return most * (key + 4 * PREFIX_BYTES + bytesOf(field.message, within));
      if (field.mapKind === "enum") return most * (key + 3 * PREFIX_BYTES + NUMBER_BYTES);
      return most * (key + 2 * PREFIX_BYTES + scalarBytes(field.scalar, map?.values));
    }
  }
}

function scalarBytes(scalar: ScalarType, rules: FieldRules | undefined): number {
  const type = rules?.type;
  if (scalar === ScalarType.STRING) {
    return 2 * PREFIX_BYTES + (type?.case === "string" ? textBytes(type.value) : Number.POSITIVE_INFINITY);
  }
  if (scalar === ScalarType.BYTES) {
    const most = type?.case === "bytes" ? Number(type.value.maxLen || type.value.len) : 0;
    return 2 * PREFIX_BYTES + (most || Number.POSITIVE_INFINITY);
  }
  return PREFIX_BYTES + NUMBER_BYTES;
}

function textBytes(rules: StringRules): number {
  const { maxLen, len, maxBytes, lenBytes, in: members, const: only, wellKnown, pattern } = rules;
  const bytes = Number(maxBytes || lenBytes);
  if (bytes > 0) return bytes;
  const longest = Math.max(only.length, ...members.map((member) => member.length));
  const form = wellKnown.case === "uuid" ? UUID_LENGTH : 0;
  return CHARACTER_BYTES * (Number(maxLen || len) || longest || form || longestMatch(pattern));
}

/** The longest text that a regular expression (RE2 syntax) matches, where it is a plain row of characters and classes. */
function longestMatch(pattern: string): number {
  const row = pattern
    .replace(/\\./g, "x")
    .replace(/\[[^\]]*\]/g, "x")
    .replace(/\?/g, "");
  if (!/^\^[^*+|()]*\$$/.test(row) || row.includes(",}")) return LONGEST_MATCH;
  const repeated = [...row.matchAll(/\{(?:\d+,)?(\d+)\}/g)].reduce((sum, [, most]) => sum + Number(most), 0);
  return row.length + repeated;
}
