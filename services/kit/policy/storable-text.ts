import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { contentOf } from "../field-path.ts";

/** Looks for a text that cannot be stored and gives the path of its field. */
type Look = (message: Message) => string | undefined;

const looks = new WeakMap<DescMessage, Look>();

/**
 * The path of the first text in a message that holds the character NUL: protobuf allows it,
 * PostgreSQL has no way to store it.
 *
 * @param schema the message's type
 * @param message the message
 */
export function findNul(schema: DescMessage, message: Message): string | undefined {
  let look = looks.get(schema);
  if (look === undefined) {
    look = lookInto(schema);
    looks.set(schema, look);
  }
  return look(message);
}

function lookInto(schema: DescMessage): Look {
  const fields = schema.fields.filter(mayHoldText);
  return (message) => {
    for (const field of fields) {
      const found = lookAt(field, contentOf(field, message));
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

function lookAt(field: DescField, value: unknown): string | undefined {
  if (typeof value === "string") return value.includes("\0") ? field.name : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  if (field.fieldKind === "list" || field.fieldKind === "map") {
    for (const [key, each] of Object.entries(value)) {
      const found = key.includes("\0") ? field.name : lookAtElement(field, each);
      if (found !== undefined)
        return found === field.name ? `${field.name}[${key}]` : `${field.name}[${key}].${found}`;
    }
    return undefined;
  }
  const found = field.message && findNul(field.message, value as Message);
  return found === undefined ? undefined : `${field.name}.${found}`;
}

function lookAtElement(field: DescField, element: unknown): string | undefined {
  if (typeof element === "string") return element.includes("\0") ? field.name : undefined;
  return field.message && typeof element === "object"
    ? findNul(field.message, element as Message)
    : undefined;
}

function mayHoldText(field: DescField): boolean {
  if (field.message !== undefined) return true;
  if (field.fieldKind === "map")
    return field.mapKey === ScalarType.STRING || field.scalar === ScalarType.STRING;
  return field.scalar === ScalarType.STRING;
}
