import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonReadOptions,
  type JsonValue,
} from "@bufbuild/protobuf";

/**
 * Names the field because of which JSON is no message, as rules name theirs: "terms.start_time", "lines[1].quantity".
 * It is read piece by piece for that, which only a mistake is worth.
 *
 * @param desc the message
 * @param json what is none
 * @param options how it is read
 * @returns "" when no single field is to blame
 */
export function nameMistake(desc: DescMessage, json: JsonValue, options: Partial<JsonReadOptions>): string {
  if (json === null || typeof json !== "object" || Array.isArray(json)) return "";
  // What protobuf itself defines, as times are, is written in JSON in a form of its own.
  if (desc.typeName.startsWith("google.protobuf.")) return "";
  for (const [key, value] of Object.entries(json)) {
    const field = desc.fields.find(({ name, jsonName }) => key === name || key === jsonName);
    if (field === undefined) return key;
    if (reads(desc, { [key]: value }, options)) continue;
    return `${field.name}${withinField(desc, key, field, value, options)}`;
  }
  return "";
}

/** Where within a field the mistake is, to be written behind its name. */
function withinField(
  desc: DescMessage,
  key: string,
  field: DescField,
  value: JsonValue,
  options: Partial<JsonReadOptions>,
): string {
  const at = (inner: string) => (inner === "" ? "" : `.${inner}`);
  if (field.fieldKind === "message") return at(nameMistake(field.message, value, options));
  if (field.fieldKind !== "list" || !Array.isArray(value)) return "";
  const index = value.findIndex((item) => !reads(desc, { [key]: [item] }, options));
  if (index < 0) return "";
  const item = value[index] as JsonValue;
  return `[${index}]${field.message === undefined ? "" : at(nameMistake(field.message, item, options))}`;
}

function reads(desc: DescMessage, json: JsonValue, options: Partial<JsonReadOptions>): boolean {
  try {
    fromJson(desc, json, options);
    return true;
  } catch {
    return false;
  }
}
