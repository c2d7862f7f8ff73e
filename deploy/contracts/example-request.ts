import {
  type DescField,
  type DescMessage,
  fromJson,
  getOption,
  hasOption,
  type JsonObject,
  type JsonValue,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator, type Violation } from "@bufbuild/protovalidate";
import {
  type FieldRules,
  field as rulesOption,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { example as exampleOption } from "#gen/souk/mesh/v1/policy_pb.ts";

/** An id that looks like those of the shop (UUIDv7) and that nothing has. */
export const EXAMPLE_ID = "018f6b1c-7c8e-7d0a-8a53-6f0a4f2f7e11";

const validator = createValidator();

/** More rounds than any request is deep: each sets what the rules miss. */
const ROUNDS = 10;

/**
 * A request that the rules of the contract let through: what they ask for and what the contract
 * gives an example of, nothing else. The same message gives the same request.
 *
 * @param message the type of the request
 * @throws Error that names the field and the remedy where the rules alone do not tell what is good
 */
export function exampleRequest(message: DescMessage): JsonObject {
  const request = exampleMessage(message);
  for (let round = 0; round < ROUNDS; round++) {
    const result = validator.validate(message, fromJson(message, request));
    if (result.kind === "error") throw result.error;
    // Written anew, so that its fields stand in the order of the contract.
    if (result.kind === "valid") return toJson(message, fromJson(message, request)) as JsonObject;
    for (const violation of result.violations) satisfy(message, request, violation);
  }
  throw new Error(`${message.typeName} has no example that its rules let through`);
}

/** A message with those fields that have an example in the contract. */
function exampleMessage(message: DescMessage): JsonObject {
  const chosen = new Set(message.oneofs.map(({ fields }) => fields.find(hasExample)));
  const fields = message.fields.filter((field) => hasExample(field) && (!field.oneof || chosen.has(field)));
  return Object.fromEntries(fields.map((field) => [field.jsonName, exampleValue(field)]));
}

function hasExample(field: DescField): boolean {
  return hasOption(field, exampleOption);
}

/** Sets the field that a rule asks for. */
function satisfy(message: DescMessage, request: JsonObject, violation: Violation): void {
  let place: JsonValue = request;
  const path = [...violation.field];
  const last = path.pop();
  for (const step of path) {
    place = (place as never)[step.kind === "field" ? step.jsonName : (step as { index: number }).index];
  }
  const field = last?.kind === "oneof" ? last.fields[0] : last;
  const holder = place as JsonObject;
  if (field?.kind !== "field" || field.jsonName in holder) {
    const where = violation.field.length === 0 ? "" : `.${pathToString(violation.field)}`;
    throw new Error(
      `${message.typeName}${where} has no example: ${violation.message}; add option (souk.mesh.v1.example) to the field`,
    );
  }
  holder[field.jsonName] = exampleValue(field);
}

function exampleValue(field: DescField): JsonValue {
  const rules = hasOption(field, rulesOption) ? getOption(field, rulesOption) : undefined;
  const given = hasExample(field) ? getOption(field, exampleOption) : undefined;
  switch (field.fieldKind) {
    case "list": {
      if (given !== undefined) return JSON.parse(given);
      const items = rules?.type.case === "repeated" ? rules.type.value.items : undefined;
      return [exampleItem(field, items)];
    }
    case "map":
      return given === undefined ? {} : JSON.parse(given);
    case "message":
      return given === undefined ? exampleItem(field, rules) : JSON.parse(given);
    case "enum":
      return given ?? exampleItem(field, rules);
    case "scalar":
      if (given === undefined) return exampleItem(field, rules);
      return field.scalar === ScalarType.BOOL || isSmallNumber(field.scalar) ? JSON.parse(given) : given;
  }
}

/** A value of a field, or of an item of a list. */
function exampleItem(field: DescField, rules: FieldRules | undefined): JsonValue {
  if (field.message !== undefined) return exampleOf(field.message, rules);
  if (field.enum !== undefined) {
    const known = rules?.type.case === "enum" ? rules.type.value.in : [];
    const value = field.enum.values.find(({ number }) =>
      known.length > 0 ? known.includes(number) : number !== 0,
    );
    return value?.name ?? "";
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return exampleText(field, rules);
    case ScalarType.BYTES:
      return Buffer.from("example").toString("base64");
    case ScalarType.BOOL:
      return true;
    default:
      return exampleNumber(field, rules);
  }
}

function exampleOf(message: DescMessage, rules: FieldRules | undefined): JsonValue {
  switch (message.typeName) {
    case "google.protobuf.Timestamp":
      return "2030-01-01T00:00:00Z";
    case "google.protobuf.Duration":
      return "60s";
    case "google.protobuf.FieldMask":
      return camelCase((rules?.type.case === "fieldMask" && rules.type.value.in[0]) || "");
    default:
      return exampleMessage(message);
  }
}

function exampleText(field: DescField, rules: FieldRules | undefined): string {
  const own = rules?.type.case === "string" ? rules.type.value : undefined;
  if (own?.wellKnown.case === "uuid") return EXAMPLE_ID;
  if (own?.wellKnown.case === "email") return "ada@example.com";
  if (own?.wellKnown.case === "uri") return "https://shop.example/";
  if (own !== undefined && own.in.length > 0) return own.in[0] as string;
  const words = field.name.replaceAll("_", " ");
  return `${words[0]?.toUpperCase()}${words.slice(1)}`.padEnd(Number(own?.minLen ?? 0n), ".");
}

function exampleNumber(field: DescField, rules: FieldRules | undefined): JsonValue {
  const range = (rules?.type.value ?? {}) as {
    greaterThan?: { case?: string; value?: number | bigint };
  };
  const { case: kind, value = 0 } = range.greaterThan ?? {};
  const least = Math.max(1, Number(value) + (kind === "gt" ? 1 : 0));
  return isSmallNumber(field.scalar as ScalarType) ? least : String(least);
}

/** Whether a number is a number in JSON, too; 64 bits are a text there. */
function isSmallNumber(scalar: ScalarType): boolean {
  return ![
    ScalarType.INT64,
    ScalarType.UINT64,
    ScalarType.SINT64,
    ScalarType.FIXED64,
    ScalarType.SFIXED64,
    ScalarType.STRING,
    ScalarType.BYTES,
  ].includes(scalar);
}

function camelCase(path: string): string {
  return path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
