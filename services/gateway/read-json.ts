import {
  type DescMethod,
  fromJsonString,
  type JsonReadOptions,
  type JsonValue,
  type Message,
} from "@bufbuild/protobuf";
import { type Most, mostOf } from "#kit/policy/most.ts";
import { malformed } from "./blame-caller.ts";
import { nameMistake } from "./name-mistake.ts";

/** Some senders mark their UTF-8; the mark is no part of the JSON. */
const utf8 = new TextDecoder();
/** Messages nest 100 deep at most, as protobuf's parsers read them, each in a list. */
const DEEPEST = 200;

/** To name a mistake costs several times what reading does, so that of longer texts none is named. */
const LONGEST_NAMED = 20_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** How JSON is read: a field that the contract does not have is a mistake worth telling. */
const READ_JSON: Partial<JsonReadOptions> = { ignoreUnknownFields: false };

/**
 * Reads the message of a request in JSON. What is larger than the rules of the request allow costs a look at its bytes,
 * and no message is made of it: of 1 MB of empty items, that would take a process a fifth of a second.
 *
 * @param method the method that is asked for
 * @param bytes the request, decompressed
 * @throws ConnectError INVALID_REQUEST when they are no such message, or a larger one
 */
export function readJson(method: DescMethod, bytes: Uint8Array): Message {
  const text = boundedText(method, bytes);
  try {
    return fromJsonString(method.input, text, READ_JSON);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw malformed(why, { cause, field: mistakeIn(method, text) });
  }
}

/** The field to blame for a text that is no message; "" when it is long or no JSON, or no single one is. */
function mistakeIn({ input }: DescMethod, text: string): string {
  if (text.length > LONGEST_NAMED) return "";
  try {
    return nameMistake(input, JSON.parse(text) as JsonValue, READ_JSON);
  } catch {
    return "";
  }
}

/**
 * The options with which Connect's library reads the requests of a method in the same way.
 *
 * @param method the method
 */
export function jsonOptionsOf(method: DescMethod) {
  const textDecoder = { decode: (bytes = new Uint8Array()) => boundedText(method, bytes) };
  return { ...READ_JSON, textDecoder };
}

/** Bytes that are no JSON are left to the parser. */
function boundedText({ input }: DescMethod, bytes: Uint8Array): string {
  const excess = findExcess(bytes, mostOf(input));
  if (excess !== undefined) throw malformed(`the request ${excess}`);
  return utf8.decode(bytes);
}

function findExcess(bytes: Uint8Array, most: Most): string | undefined {
  let marks = 0;
  let depth = 0;
  for (let at = 0; at < bytes.length && marks <= most.marks && depth <= DEEPEST; at++) {
    const byte = bytes[at] as number;
    // Whitespace is all there is of some requests.
    if (byte < QUOTE) continue;
    switch (byte) {
      case QUOTE: {
        const length = textLength(bytes, at + 1);
        if (length > most.textBytes)
          return `has a text of ${length} bytes; what the rules of its fields allow fits in ${most.textBytes}`;
        at += length + 1;
        break;
      }
      case COMMA:
        marks++;
        break;
      case OPEN_BRACKET:
      case OPEN_BRACE:
        marks++;
        depth++;
        break;
      case CLOSE_BRACKET:
      case CLOSE_BRACE:
        depth--;
        break;
    }
  }
  if (depth > DEEPEST) return `is nested deeper than ${DEEPEST} levels; no message is`;
  if (marks <= most.marks) return undefined;
  return `has more than ${most.marks} commas and opening brackets; what the rules of its fields allow has fewer`;
}

/** How many bytes stand before the quote that ends a text; what follows a backslash ends none. */
function textLength(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at - from;
}
