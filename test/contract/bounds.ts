import { type DescField, type DescMessage, getOption, ScalarType } from "@bufbuild/protobuf";
import {
  type BytesRules,
  type FieldRules,
  field as fieldOption,
  type StringRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { type Complaint, complain, fieldPath, type Rule } from "./complaints.ts";

/** Forms of text that have a longest member. */
const boundedForms = new Set(["uuid", "tuuid", "ulid", "hostname", "ipv4"]);

/** Google's messages that can hold any amount of data. */
const boundless = new Set(["Any", "Struct", "Value", "ListValue", "StringValue", "BytesValue"]);

/** No field of a request, however deep, takes text, bytes or a list of any length. */
export const boundsRule: Rule = (files) => {
  const requests = files.flatMap((file) => file.services).flatMap((service) => service.methods);
  const seen = new Set<DescMessage>();
  return requests.flatMap(({ input }) => unbounded(input, seen));
};

function unbounded(message: DescMessage, seen: Set<DescMessage>): Complaint[] {
  if (seen.has(message) || message.file.proto.package === "google.protobuf") return [];
  seen.add(message);
  return message.fields.flatMap((field) => [
    ...judge(field, getOption(field, fieldOption)).map((what) =>
      complain(message.file, fieldPath(field), what),
    ),
    ...(field.message ? unbounded(field.message, seen) : []),
  ]);
}

function judge(field: DescField, rules: FieldRules): string[] {
  switch (field.fieldKind) {
    case "scalar":
      return judgeScalar(field.scalar, rules);
    case "list": {
      const list = rules.type.case === "repeated" ? rules.type.value : undefined;
      const complaints = list?.maxItems ? [] : ["has no bound; add repeated.max_items"];
      if (field.listKind !== "scalar") return complaints;
      return [...complaints, ...judgeScalar(field.scalar, list?.items).map((what) => `each item ${what}`)];
    }
    case "map": {
      const map = rules.type.case === "map" ? rules.type.value : undefined;
      const complaints = map?.maxPairs ? [] : ["has no bound; add map.max_pairs"];
      complaints.push(...judgeScalar(field.mapKey, map?.keys).map((what) => `each key ${what}`));
      if (field.mapKind !== "scalar") return complaints;
      return [...complaints, ...judgeScalar(field.scalar, map?.values).map((what) => `each value ${what}`)];
    }
    case "message":
      return judgeMessage(field.message, rules);
    case "enum":
      return [];
  }
}

function judgeScalar(scalar: ScalarType, rules: FieldRules | undefined): string[] {
  if (scalar === ScalarType.STRING) {
    const bounded = rules?.type.case === "string" && boundsText(rules.type.value);
    return bounded ? [] : ["has no bound; add string.max_len, or a rule that implies one"];
  }
  if (scalar === ScalarType.BYTES) {
    const bounded = rules?.type.case === "bytes" && boundsBytes(rules.type.value);
    return bounded ? [] : ["has no bound; add bytes.max_len"];
  }
  return [];
}

function judgeMessage({ name, file }: DescMessage, rules: FieldRules): string[] {
  if (file.proto.package !== "google.protobuf") return [];
  if (name === "FieldMask") {
    const bounded = rules.type.case === "fieldMask" && rules.type.value.in.length > 0;
    return bounded ? [] : ["has no bound; name the fields that may change in field_mask.in"];
  }
  return boundless.has(name) ? [`google.protobuf.${name} has no bound; use a message of your own`] : [];
}

function boundsText(rules: StringRules): boolean {
  const { maxLen, len, maxBytes, lenBytes, in: members, pattern, wellKnown } = rules;
  if ([maxLen, len, maxBytes, lenBytes].some((length) => length > 0n)) return true;
  if (rules.const !== "" || members.length > 0) return true;
  if (wellKnown.case !== undefined && boundedForms.has(wellKnown.case) && wellKnown.value === true)
    return true;
  return boundsLength(pattern);
}

function boundsBytes({ maxLen, len, in: members }: BytesRules): boolean {
  return maxLen > 0n || len > 0n || members.length > 0;
}

/** Whether a regular expression (RE2 syntax) matches only texts up to some length; when in doubt, not. */
function boundsLength(pattern: string): boolean {
  const structure = pattern.replace(/\\./g, "x").replace(/\[[^\]]*\]/g, "x");
  return /^\^.*\$$/.test(structure) && !/[*+|]|\{\d+,\}/.test(structure);
}
