import { type DescMessage, fromBinary, toJson } from "@bufbuild/protobuf";
import { largestMessage } from "./largest-message.ts";

/**
 * The longest JSON of the largest message that the bounds of its fields allow: fields have the longer of their names
 * and are written out where they are not set, each character of a text is escaped, and each value is on a line of its own.
 *
 * @param schema the message's type
 */
export function largestJson(schema: DescMessage): string {
  const message = fromBinary(schema, largestMessage(schema));
  const json = toJson(schema, message, { alwaysEmitImplicit: true, useProtoFieldName: true });
  return JSON.stringify(json, undefined, 2).replaceAll(/"(?:[^"\\]|\\.)*"/g, escaped);
}

function escaped(text: string): string {
  const units = [...Buffer.from(JSON.parse(text), "utf16le").swap16().toString("hex").matchAll(/.{4}/g)];
  return `"${units.map(([unit]) => `\\u${unit}`).join("")}"`;
}
