import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { contentOf } from "./field-path.ts";

/** Stands in place of what is secret or personal. */
const REDACTED = "[redacted]";
/** Longer texts are cut in logs. */
const MOST_CHARACTERS = 200;

/**
 * What may be shown of a message: its fields, but for those that the contract marks with debug_redact. Everything
 * that turns messages into text, for whatever reader, does it here.
 *
 * @param schema the message's type
 * @param message the message
 */
export function redact(schema: DescMessage, message: Message): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const field of schema.fields) {
    const value = contentOf(field, message);
    if (value === undefined || value === "" || (Array.isArray(value) && value.length === 0)) continue;
    shown[field.name] = field.proto.options?.debugRedact ? REDACTED : show(field, value);
  }
  return shown;
}

function show(field: DescField, value: unknown): unknown {
  if (field.fieldKind === "list") return (value as unknown[]).map((each) => showOne(field.message, each));
  if (field.fieldKind === "map") {
    const entries = Object.entries(value as object);
    return Object.fromEntries(entries.map(([key, each]) => [key, showOne(field.message, each)]));
  }
  return showOne(field.message, value);
}

function showOne(schema: DescMessage | undefined, value: unknown): unknown {
  // What an Any holds is bytes, whatever its contract says of them.
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  if (typeof value === "bigint") return String(value);
  if (typeof value === "string" && value.length > MOST_CHARACTERS)
    return `${value.slice(0, MOST_CHARACTERS)}…`;
  return schema !== undefined && typeof value === "object" && value !== null
    ? redact(schema, value as Message)
    : value;
}
