import type { DescMessage, Message } from "@bufbuild/protobuf";
import { contentOf, fieldsOnPath } from "../field-path.ts";

/** Gives the tags of an answer, or those whose life an event ends; a tag whose field is not set is left out. */
export type ReadTags = (message: Message, request?: Message) => string[];

/** Stands before a field of the request in a tag of an answer. */
const REQUEST = "request.";
const BRACES = /\{([^{}]*)\}/;

type ReadText = (message: Message, request: Message | undefined) => string;

/**
 * Reads tags as a contract writes them, with fields in braces.
 *
 * @param tags for example "product:{product.id}", or "user:{request.id}"
 * @param schema the answer, or the event
 * @param request the request, where the tags are those of an answer
 * @throws Error that names the tag and the field that is not there, or is no text or number
 */
export function readTags(tags: readonly string[], schema: DescMessage, request?: DescMessage): ReadTags {
  const readers = tags.map((tag) => readTag(tag, schema, request));
  return (message, asked) => {
    const found: string[] = [];
    for (const read of readers) {
      const tag = read(message, asked);
      if (tag !== undefined) found.push(tag);
    }
    return found;
  };
}

/**
 * A tag with what stands in its braces left out, by which the tags of answers and of events are compared.
 *
 * @param tag as a contract writes it
 */
export function shapeOf(tag: string): string {
  return tag.replaceAll(new RegExp(BRACES, "g"), "{}");
}

function readTag(tag: string, schema: DescMessage, request: DescMessage | undefined) {
  // Texts and the names of fields take turns.
  const parts = tag.split(BRACES);
  const readers = parts.map((part, at): ReadText => {
    if (at % 2 === 0) return () => part;
    if (request === undefined || !part.startsWith(REQUEST)) return readField(tag, part, schema);
    const read = readField(tag, part.slice(REQUEST.length), request);
    return (_, asked) => (asked === undefined ? "" : read(asked, undefined));
  });
  return (message: Message, asked: Message | undefined): string | undefined => {
    let text = "";
    for (const [at, read] of readers.entries()) {
      const part = read(message, asked);
      if (at % 2 === 1 && part === "") return undefined;
      text += part;
    }
    return text;
  };
}

function readField(tag: string, path: string, schema: DescMessage): ReadText {
  const fields = fieldsOnPath(schema, path);
  if (fields === undefined) {
    throw new Error(`the tag "${tag}" names ${path}, which is no field of ${schema.name}; correct it`);
  }
  if (fields.at(-1)?.fieldKind !== "scalar") {
    throw new Error(`the tag "${tag}" names ${path}, which is no single text or number; name one`);
  }
  return (message) => {
    let value: unknown = message;
    for (const field of fields) value = value === undefined ? undefined : contentOf(field, value as Message);
    return value === undefined ? "" : String(value);
  };
}
