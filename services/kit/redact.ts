import {
  clone,
  type DescField,
  type DescMessage,
  type JsonValue,
  type Message,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
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

/**
 * A message as protobuf's JSON for readers outside of the shop: without the fields that the contract marks with
 * debug_redact, at any depth.
 *
 * @param schema the message's type
 * @param message the message
 */
export function publicJson<D extends DescMessage>(schema: D, message: MessageShape<D>): JsonValue {
  const shown = clone(schema, message);
  clearMarked(reflect(schema, shown));
  return toJson(schema, shown);
}

function clearMarked(message: ReflectMessage): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    if (field.proto.options?.debugRedact) message.clear(field);
    else if (field.fieldKind === "message") clearMarked(message.get(field));
    else if (field.fieldKind === "list" && field.listKind === "message")
      for (const each of message.get(field)) clearMarked(each as ReflectMessage);
    else if (field.fieldKind === "map" && field.mapKind === "message")
      for (const each of message.get(field).values()) clearMarked(each as ReflectMessage);
  }
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
