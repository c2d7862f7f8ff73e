import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";

/**
 * The fields that a path of a contract leads through, for example "order.id".
 *
 * @param schema the message where it begins
 * @param path names of fields as the contract writes them, joined by dots
 * @returns undefined where it leads nowhere
 */
export function fieldsOnPath(schema: DescMessage, path: string): DescField[] | undefined {
  const fields: DescField[] = [];
  let message: DescMessage | undefined = schema;
  for (const name of path.split(".")) {
    const field: DescField | undefined = message?.fields.find((it) => it.name === name);
    if (field === undefined) return undefined;
    fields.push(field);
    message = field.fieldKind === "message" ? field.message : undefined;
  }
  return fields;
}

/**
 * What stands in a field of a message.
 *
 * @param field the field
 * @param message the message, or what one is made of
 * @returns undefined where nothing stands
 */
export function contentOf(field: DescField, message: Message | object): unknown {
  const values = message as unknown as Record<string, unknown>;
  if (field.oneof === undefined) return values[field.localName];
  const chosen = values[field.oneof.localName] as { case?: string; value?: unknown } | undefined;
  return chosen?.case === field.localName ? chosen.value : undefined;
}
