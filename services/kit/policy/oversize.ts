import { type DescField, type DescMessage, getOption, type Message } from "@bufbuild/protobuf";
import {
  field as fieldOption,
  Ignore,
  type RepeatedRules,
  type StringRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { contentOf } from "../field-path.ts";
import { LONGEST_MATCH } from "./most.ts";

/** A value that is larger than its rules allow. */
export interface Oversize {
  /** The path of its field. */
  readonly field: string;
  readonly description: string;
}

/** Looks for a value that is too large. */
type Look = (value: unknown) => Oversize | undefined;

const looks = new WeakMap<DescMessage, Look>();

/**
 * Finds the first list, map or text in a message that is larger than the rules of its field allow, at the price of
 * asking each for its length. Rules are checked for every item and every character, and each item that breaks one is
 * told of: 4 MB of empty items would keep a process busy for seconds, though the first of them too many decides.
 * What is in maps is not looked into.
 *
 * @param schema the message's type
 * @param message the message
 */
export function findOversize(schema: DescMessage, message: Message): Oversize | undefined {
  return lookOf(schema)(message);
}

function lookOf(schema: DescMessage): Look {
  let look = looks.get(schema);
  if (look === undefined) {
    look = lookInto(schema);
    looks.set(schema, look);
  }
  return look;
}

function lookInto(schema: DescMessage): Look {
  const fields = schema.fields.flatMap((field) => {
    const look = lookAtField(field);
    return look === undefined ? [] : [{ field, look }];
  });
  return (message) => {
    for (const { field, look } of fields) {
      const value = contentOf(field, message as Message);
      const found = value === undefined || value === null ? undefined : look(value);
      if (found !== undefined) return { ...found, field: `${field.name}${found.field}` };
    }
    return undefined;
  };
}

function lookAtField(field: DescField): Look | undefined {
  const { ignore, type } = getOption(field, fieldOption);
  if (ignore === Ignore.ALWAYS) return undefined;
  switch (field.fieldKind) {
    case "list":
      return lookAtList(field, type.case === "repeated" ? type.value : undefined);
    case "map": {
      const most = type.case === "map" ? Number(type.value.maxPairs) : 0;
      if (most === 0) return undefined;
      return (pairs) => (Object.keys(pairs as object).length > most ? tooMany(most) : undefined);
    }
    case "message": {
      const { message } = field;
      return (value) => within(".", lookOf(message)(value));
    }
    default:
      return type.case === "string" ? lookAtText(type.value) : undefined;
  }
}

function lookAtList(field: DescField & { fieldKind: "list" }, rules: RepeatedRules | undefined): Look {
  const most = Number(rules?.maxItems ?? 0);
  const { message } = field;
  const text = rules?.items?.type.case === "string" ? lookAtText(rules.items.type.value) : undefined;
  const look: Look | undefined = message === undefined ? text : (item) => within(".", lookOf(message)(item));
  return (value) => {
    const list = value as readonly unknown[];
    if (most > 0 && list.length > most) return tooMany(most);
    if (look === undefined) return undefined;
    for (const [at, item] of list.entries()) {
      const found = look(item);
      if (found !== undefined) return within(`[${at}]`, found);
    }
    return undefined;
  };
}

/** What has twice as many code units as it may have characters (Unicode, 3.9) is too long, however they pair up. */
function lookAtText({ maxLen, len, maxBytes, lenBytes, pattern }: StringRules): Look | undefined {
  const characters = Number(maxLen || len) || (maxBytes || lenBytes || pattern === "" ? 0 : LONGEST_MATCH);
  const bytes = Number(maxBytes || lenBytes);
  const most = characters > 0 ? characters * 2 : bytes;
  if (most === 0) return undefined;
  const description = `must be at most ${characters > 0 ? `${characters} characters` : `${bytes} bytes`}`;
  return (text) => ((text as string).length > most ? { field: "", description } : undefined);
}

function tooMany(most: number): Oversize {
  return { field: "", description: `must contain no more than ${most} item(s)` };
}

function within(place: string, found: Oversize | undefined): Oversize | undefined {
  return found && { ...found, field: `${place}${found.field}` };
}
