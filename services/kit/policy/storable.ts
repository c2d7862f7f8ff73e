import {
  type DescField,
  type DescMessage,
  getOption,
  isMessage,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { type Duration, DurationSchema, type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { country, long_numbers } from "#gen/souk/mesh/v1/policy_pb.ts";
import { isCountry, noCountry } from "../country.ts";
import { contentOf } from "../field-path.ts";
import { holdsCardNumber } from "./card-number.ts";

/** A value that can be sent but not, or must not, be kept. */
export interface Unstorable {
  /** The path of its field. */
  readonly field: string;
  readonly description: string;
}

/** Looks for a value that cannot be stored. */
type Look = (message: Message) => Unstorable | undefined;

const looks = new WeakMap<DescMessage, Look>();
/** The fields that hold countries, of the messages that were looked into. */
const countries = new WeakSet<DescField>();

/**
 * Finds the first value in a message that protobuf carries and a database cannot keep: a text with the character
 * NUL, or a time or a length of time beyond what its type allows (google/protobuf/timestamp.proto, duration.proto); or
 * what nobody here may keep: what looks like the number of a payment card, where the contract does not say that long
 * numbers of other kinds are meant, or a country that there is not, where it says that one is meant.
 *
 * @param schema the message's type
 * @param message the message
 */
export function findUnstorable(schema: DescMessage, message: Message): Unstorable | undefined {
  let look = looks.get(schema);
  if (look === undefined) {
    look = lookInto(schema);
    looks.set(schema, look);
  }
  return look(message);
}

function lookInto(schema: DescMessage): Look {
  const fields = schema.fields.filter(mayBeUnstorable);
  for (const field of fields) if (getOption(field, country)) countries.add(field);
  return (message) => {
    for (const field of fields) {
      const found = lookAt(field, contentOf(field, message));
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

function lookAt(field: DescField, value: unknown): Unstorable | undefined {
  if (value === undefined || value === null) return undefined;
  if (field.fieldKind !== "list" && field.fieldKind !== "map") return lookAtOne(field, field.name, value);
  for (const [key, each] of Object.entries(value)) {
    if (key.includes("\0")) return withNul(field.name);
    const found = lookAtOne(field, `${field.name}[${key}]`, each);
    if (found !== undefined) return found;
  }
  return undefined;
}

function lookAtOne(field: DescField, path: string, value: unknown): Unstorable | undefined {
  if (typeof value === "string") {
    if (value.includes("\0")) return withNul(path);
    if (holdsCardNumber(value) && !getOption(field, long_numbers)) return withCardNumber(path);
    if (value === "" || !countries.has(field) || isCountry(value)) return undefined;
    return { field: path, description: noCountry(value) };
  }
  if (field.message === undefined || typeof value !== "object" || value === null) return undefined;
  const message = value as Message;
  if (isMessage(message, TimestampSchema)) return isTime(message) ? undefined : beyond(path, "0001 to 9999");
  if (isMessage(message, DurationSchema)) {
    return isLength(message) ? undefined : beyond(path, "-10000 years to 10000 years");
  }
  const found = findUnstorable(field.message, message);
  return found && { ...found, field: `${path}.${found.field}` };
}

function withNul(field: string): Unstorable {
  return { field, description: "holds the character NUL; leave it out" };
}

function withCardNumber(field: string): Unstorable {
  return {
    field,
    description: "looks like the number of a payment card; send the token that the payment form gave instead",
  };
}

function beyond(field: string, range: string): Unstorable {
  return { field, description: `is out of range; a value from ${range} can be kept` };
}

function isTime({ seconds, nanos }: Timestamp): boolean {
  return seconds >= -62_135_596_800n && seconds <= 253_402_300_799n && nanos >= 0 && nanos < 1e9;
}

function isLength({ seconds, nanos }: Duration): boolean {
  const most = 315_576_000_000n;
  const agree = seconds === 0n || nanos === 0 || seconds > 0n === nanos > 0;
  return seconds >= -most && seconds <= most && Math.abs(nanos) < 1e9 && agree;
}

function mayBeUnstorable(field: DescField): boolean {
  if (field.message !== undefined) return true;
  if (field.fieldKind === "map")
    return field.mapKey === ScalarType.STRING || field.scalar === ScalarType.STRING;
  return field.scalar === ScalarType.STRING;
}
