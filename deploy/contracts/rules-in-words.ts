import { type DescField, type DescOneof, getOption, hasOption } from "@bufbuild/protobuf";
import {
  type FieldRules,
  Ignore,
  oneof as oneofOption,
  field as rulesOption,
  type StringRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { country } from "#gen/souk/mesh/v1/policy_pb.ts";
import { time } from "./policy-in-words.ts";

/**
 * The rules of a field, a few words for each.
 *
 * @param field a field of a request, or of a message in one
 */
export function rulesInWords(field: DescField): string[] {
  if (!hasOption(field, rulesOption)) return [];
  const rules = getOption(field, rulesOption);
  const words = [
    ...(rules.required ? ["required"] : []),
    ...(getOption(field, country) ? ["a country (ISO 3166-1 alpha-2)"] : []),
    ...describe(rules, field),
  ];
  if (rules.ignore === Ignore.IF_ZERO_VALUE) words.push("or left out");
  return [...words, ...rules.cel.map(({ message, id }) => message || id)];
}

/** Whether one of a group of fields must be set. */
export function isRequired(oneof: DescOneof): boolean {
  return hasOption(oneof, oneofOption) && getOption(oneof, oneofOption).required;
}

function describe({ type }: FieldRules, field: DescField): string[] {
  switch (type.case) {
    case undefined:
      return [];
    case "string":
      return describeText(type.value);
    case "bytes": {
      const { minLen, maxLen, len } = type.value;
      return span(len || minLen, len || maxLen, "byte");
    }
    case "repeated": {
      const { minItems, maxItems, unique, items } = type.value;
      const each = items === undefined ? [] : describe(items, field).map((words) => `each ${words}`);
      return [...span(minItems, maxItems, "item"), ...(unique ? ["no two alike"] : []), ...each];
    }
    case "map": {
      const { minPairs, maxPairs, keys, values } = type.value;
      const inner = (rules: FieldRules | undefined, what: string) =>
        rules === undefined ? [] : describe(rules, field).map((words) => `each ${what} ${words}`);
      return [...span(minPairs, maxPairs, "entry"), ...inner(keys, "key"), ...inner(values, "value")];
    }
    case "enum": {
      const { notIn, in: known } = type.value;
      const names = (numbers: readonly number[]) =>
        numbers.map((it) => field.enum?.value[it]?.name ?? it).join(", ");
      if (known.length > 0) return [`one of ${names(known)}`];
      return notIn.length > 0 ? [`not ${names(notIn)}`] : [];
    }
    case "fieldMask":
      return [`of ${type.value.in.map((path) => `\`${path}\``).join(", ")}`];
    case "bool":
      return [];
    default:
      return describeRange(type.value as Range);
  }
}

function describeText({ minLen, maxLen, len, pattern, wellKnown, in: known, const: only }: StringRules) {
  const form = wellKnown.case === undefined ? undefined : FORMS[wellKnown.case];
  return [
    ...(form === undefined ? [] : [form]),
    ...(only === "" ? [] : [`\`${only}\``]),
    ...(known.length === 0 ? [] : [`one of ${known.map((it) => `\`${it}\``).join(", ")}`]),
    ...(pattern === "" ? [] : [`of the form \`${pattern}\``]),
    ...span(len || minLen, len || maxLen, "character"),
  ];
}

const FORMS: Readonly<Record<string, string>> = {
  uuid: "a UUID",
  email: "an e-mail address",
  uri: "a URI",
  hostname: "a host name",
  ip: "an IP address",
};

function span(least: bigint, most: bigint, unit: string): string[] {
  const units = unit === "entry" ? "entries" : `${unit}s`;
  const many = (count: bigint) => `${count} ${count === 1n ? unit : units}`;
  if (most === 0n) return least === 0n ? [] : [`${many(least)} or more`];
  if (least === most) return [many(least)];
  return [least === 0n ? `up to ${many(most)}` : `${least} to ${many(most)}`];
}

interface Range {
  readonly greaterThan: { readonly case?: string; readonly value?: unknown };
  readonly lessThan: { readonly case?: string; readonly value?: unknown };
  readonly in?: readonly unknown[];
  readonly notIn?: readonly unknown[];
}

function describeRange({ greaterThan, lessThan, in: known = [], notIn = [] }: Range): string[] {
  const side = ({ case: kind, value }: Range["greaterThan"]) =>
    kind === undefined ? [] : [`${BOUNDS[kind] ?? kind} ${kind.endsWith("Now") ? "" : amount(value)}`.trim()];
  const listed = (values: readonly unknown[], what: string) =>
    values.length === 0 ? [] : [`${what} ${values.map(amount).join(", ")}`];
  if (greaterThan.case === "gte" && lessThan.case === "lte") {
    return [`${amount(greaterThan.value)} to ${amount(lessThan.value)}`];
  }
  return [...side(greaterThan), ...side(lessThan), ...listed(known, "one of"), ...listed(notIn, "not")];
}

const BOUNDS: Readonly<Record<string, string>> = {
  gt: "more than",
  gte: "at least",
  lt: "less than",
  lte: "at most",
  gtNow: "in the future",
  ltNow: "in the past",
};

/** A number, or a time: those that rules compare with are whole seconds. */
function amount(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  const { seconds } = value as { seconds: bigint };
  return time(Number(seconds) * 1000);
}
