import { type DescField, type DescMessage, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import {
  type FieldRules,
  field as fieldRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import fc from "fast-check";

type Json = ReturnType<typeof JSON.parse>;

/** What no field of a text takes, or what programs stumble over when they take it. */
const TEXTS: readonly string[] = [
  "",
  "\u0000",
  "a\u0000b",
  "\uD800",
  "\u202e\ufeff",
  "'; drop table account; --",
  "%00%ff../../etc/passwd",
  "{{7*7}}<script>",
  "😀".repeat(300),
  "x".repeat(100_000),
  "00000000-0000-0000-0000-000000000000",
  "-1",
  "NaN",
];

const NUMBERS: readonly Json[] = [
  -1,
  0,
  1.5,
  1e300,
  "9223372036854775807",
  "-9223372036854775808",
  "9223372036854775808",
  "1e18",
  2_147_483_648,
  -2_147_483_649,
  "NaN",
  "Infinity",
];

/** What is of no type that a field has. */
const MISFITS: readonly Json[] = [null, true, [], {}, [[]], [null], { a: { b: [] } }, "no such value", 12.5];

/**
 * Requests that look right but for one field.
 *
 * @param message the type of the request
 */
export function hostileRequests(message: DescMessage): fc.Arbitrary<Json> {
  const paths = pathsOf(message, 0);
  if (paths.length === 0) return fc.constantFrom(...MISFITS);
  return fc
    .tuple(plausible(message, 0), fc.constantFrom(...paths))
    .chain(([request, path]) =>
      hostile(path.at(-1) as DescField).map((value) => replaced(request, path, value)),
    );
}

/** The ways from a message to each field in it, down to the third message. */
function pathsOf(message: DescMessage, depth: number): DescField[][] {
  return message.fields.flatMap((field) => {
    const inner = depth < 2 && !isWellKnown(field) ? (field.message ?? undefined) : undefined;
    return [
      [field],
      ...(inner === undefined ? [] : pathsOf(inner, depth + 1).map((path) => [field, ...path])),
    ];
  });
}

function hostile(field: DescField): fc.Arbitrary<Json> {
  const values =
    field.fieldKind === "scalar" ? valuesFor(field.scalar) : [...MISFITS, "2026-13-41T99:99:99Z"];
  const one = fc.constantFrom(...values, ...MISFITS, undefined);
  if (field.fieldKind !== "list") return one;
  return fc.oneof(
    one,
    fc.array(fc.constantFrom(...TEXTS, ...NUMBERS, ...MISFITS), { maxLength: 3 }),
    fc.constant(Array(10_000).fill("x")),
  );
}

function valuesFor(scalar: ScalarType): readonly Json[] {
  return scalar === ScalarType.STRING || scalar === ScalarType.BYTES ? TEXTS : NUMBERS;
}

/** A request as a friend would send it, as far as the rules of the contract tell. */
function plausible(message: DescMessage, depth: number): fc.Arbitrary<Json> {
  const chosen = new Set(message.oneofs.map((oneof) => oneof.fields[0]));
  const fields = message.fields.filter((field) => field.oneof === undefined || chosen.has(field));
  const entries = fields.map((field) => [field.jsonName, plausibleField(field, depth)] as const);
  return fc.record(Object.fromEntries(entries));
}

function plausibleField(field: DescField, depth: number): fc.Arbitrary<Json> {
  const rules = hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
  switch (field.fieldKind) {
    case "list": {
      const item =
        field.listKind === "scalar" ? scalar(field.scalar, itemRules(rules)) : messageOrEnum(field, depth);
      return fc.array(item, { minLength: 1, maxLength: 2 });
    }
    case "map":
      return fc.constant({});
    case "scalar":
      return scalar(field.scalar, rules);
    default:
      return messageOrEnum(field, depth);
  }
}

function messageOrEnum(field: DescField, depth: number): fc.Arbitrary<Json> {
  if (field.enum !== undefined) return fc.constantFrom(...field.enum.values.map(({ name }) => name));
  const message = field.message as DescMessage;
  if (!isWellKnown(field)) return depth < 3 ? plausible(message, depth + 1) : fc.constant({});
  switch (message.typeName) {
    case "google.protobuf.Timestamp":
      return fc.constant("2026-11-21T12:00:00Z");
    case "google.protobuf.Duration":
      return fc.constant("60s");
    case "google.protobuf.FieldMask":
      return fc.constant("");
    default:
      return fc.constant({});
  }
}

function scalar(type: ScalarType, rules: FieldRules | undefined): fc.Arbitrary<Json> {
  switch (type) {
    case ScalarType.STRING:
      return text(rules);
    case ScalarType.BYTES:
      return fc.constant("AAAA");
    case ScalarType.BOOL:
      return fc.boolean();
    default:
      return fc.constantFrom(1, 2, 3);
  }
}

function text(rules: FieldRules | undefined): fc.Arbitrary<string> {
  const own = rules?.type.case === "string" ? rules.type.value : undefined;
  if (own?.wellKnown.case === "uuid") return fc.uuid({ version: 7 });
  if (own?.wellKnown.case === "email") return fc.constantFrom("bob@example.com", "eve@example.com");
  if (own?.wellKnown.case === "uri") return fc.constant("https://shop.example/");
  if (own?.pattern !== undefined && own.pattern !== "") return fc.stringMatching(new RegExp(own.pattern));
  return fc
    .constantFrom("Ada", "a b", "standard", "tok_of_nobody")
    .map((it) => it.padEnd(Number(own?.minLen ?? 0n), "x"));
}

function itemRules(rules: FieldRules | undefined): FieldRules | undefined {
  return rules?.type.case === "repeated" ? rules.type.value.items : undefined;
}

function isWellKnown(field: DescField): boolean {
  return field.message?.typeName.startsWith("google.protobuf.") === true;
}

/** A request with another value at the end of a path; what stands in a list is replaced everywhere. */
function replaced(request: Json, [field, ...rest]: readonly DescField[], value: Json): Json {
  if (field === undefined) return value;
  if (Array.isArray(request)) return request.map((item) => replaced(item, [field, ...rest], value));
  const name = field.jsonName;
  const inner = request?.[name];
  const next =
    rest.length === 0
      ? value
      : Array.isArray(inner)
        ? inner.map((it) => replaced(it, rest, value))
        : replaced(inner ?? {}, rest, value);
  return { ...request, [name]: next };
}
