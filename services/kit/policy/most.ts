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
/** What JSON may write for a byte: an escaped character (RFC 8259, 7), or such ones of base64. */
const ESCAPED_BYTES = 6;
const ESCAPED_BASE64_BYTES = 8;
/** The longest form of a UUID that the rules of contracts take. */
const UUID_LENGTH = 36;
const UNBOUNDED = Number.POSITIVE_INFINITY;

/** The most that a message has whose fields keep their rules; Infinity where there is no bound. */
export interface Most {
  /** Bytes in protobuf's binary format. */
  readonly bytes: number;
  /** Commas in JSON, and brackets and braces that open; not those in texts. */
  readonly marks: number;
  /** Bytes of one text in JSON. */
  readonly textBytes: number;
}

/** What everybody may send beside that: fields that a later contract adds, and what breaks a rule by so little that all is told of it. */
const SPARE: Most = { bytes: 65_536, marks: 10_000, textBytes: 10_000 };
const BOUNDLESS: Most = { bytes: UNBOUNDED, marks: UNBOUNDED, textBytes: UNBOUNDED };
const NUMBER: Most = { bytes: PREFIX_BYTES + NUMBER_BYTES, marks: 1, textBytes: 0 };
/** What stands around the content of a message, a list or a map. */
const AROUND: Most = { bytes: 2 * PREFIX_BYTES, marks: 2, textBytes: 0 };

const known = new WeakMap<DescMessage, Most>();

/**
 * How large a request may be: as its rules allow, and some to spare. Rules can be checked only when all of a message is
 * decoded: 4 MB of empty items take a process a quarter of a second, though its list may have 200.
 *
 * @param schema the message's type
 */
export function mostOf(schema: DescMessage): Most {
  let most = known.get(schema);
  if (most === undefined) {
    const { bytes, marks, textBytes } = ofMessage(schema, new Set());
    most = {
      bytes: SPARE.bytes + bytes,
      marks: SPARE.marks + marks,
      textBytes: SPARE.textBytes + textBytes,
    };
    known.set(schema, most);
  }
  return most;
}

function ofMessage(schema: DescMessage, within: ReadonlySet<DescMessage>): Most {
  // A message that can hold itself has no bound.
  if (within.has(schema)) return BOUNDLESS;
  const inside = new Set(within).add(schema);
  return all(schema.fields.map((field) => ofField(field, getOption(field, fieldOption), inside)));
}

function ofField(field: DescField, rules: FieldRules, within: ReadonlySet<DescMessage>): Most {
  const { type, ignore } = rules;
  if (ignore === Ignore.ALWAYS) return BOUNDLESS;
  switch (field.fieldKind) {
    case "list": {
      const list = type.case === "repeated" ? type.value : undefined;
      return all([AROUND, times(list?.maxItems, ofValue(field, list?.items, within))]);
    }
    case "map": {
      const map = type.case === "map" ? type.value : undefined;
      const pair = all([AROUND, ofScalar(field.mapKey, map?.keys), ofValue(field, map?.values, within)]);
      return all([AROUND, times(map?.maxPairs, pair)]);
    }
    default:
      return ofValue(field, rules, within);
  }
}

function ofValue(
  { message, scalar }: DescField,
  rules: FieldRules | undefined,
  within: ReadonlySet<DescMessage>,
): Most {
  if (message === undefined) return ofScalar(scalar, rules);
  if (rules?.ignore === Ignore.ALWAYS) return BOUNDLESS;
  const paths = rules?.type.case === "fieldMask" ? rules.type.value.in : [];
  if (paths.length === 0) return all([AROUND, ofMessage(message, within)]);
  return ofText(
    paths.reduce((bytes, path) => bytes + 2 * PREFIX_BYTES + path.length, 0),
    ESCAPED_BYTES,
  );
}

/** What a scalar has, or a member of an enum, which is a number. */
function ofScalar(scalar: ScalarType | undefined, rules: FieldRules | undefined): Most {
  if (scalar !== ScalarType.STRING && scalar !== ScalarType.BYTES) return NUMBER;
  const type = rules?.ignore === Ignore.ALWAYS ? undefined : rules?.type;
  if (type?.case === "string") return ofText(textBytes(type.value), ESCAPED_BYTES);
  const most = type?.case === "bytes" ? Number(type.value.maxLen || type.value.len) : 0;
  return ofText(most || UNBOUNDED, ESCAPED_BASE64_BYTES);
}

function ofText(bytes: number, jsonBytes: number): Most {
  return { bytes: 2 * PREFIX_BYTES + bytes, marks: 1, textBytes: jsonBytes * bytes };
}

function all(parts: readonly Most[]): Most {
  return {
    bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
    marks: parts.reduce((sum, { marks }) => sum + marks, 0),
    textBytes: Math.max(0, ...parts.map(({ textBytes }) => textBytes)),
  };
}

/** What so many have; without a bound when they have none. */
function times(most: bigint | undefined, { bytes, marks, textBytes }: Most): Most {
  const count = Number(most || UNBOUNDED);
  return { bytes: count * bytes, marks: count * marks, textBytes };
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
