import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { files } from "#gen/contracts.ts";
import { CodeSchema } from "#gen/google/rpc/code_pb.ts";
import { contentOf } from "#kit/field-path.ts";

/** A text that must not turn up anywhere, and where it was used. */
export interface Secret {
  readonly value: string;
  readonly where: string;
}

const FEWEST_CHARACTERS = 6;

/** The words of the contracts themselves, for example the reason with which an order was cancelled. */
const OWN_WORDS: ReadonlySet<string> = new Set(
  [CodeSchema, ...files.flatMap((file) => file.enums)].flatMap(({ sharedPrefix = "", values }) =>
    values.map(({ name }) => name.slice(sharedPrefix.length)),
  ),
);

/**
 * Whether a text can be told from what stands in logs anyway: short ones, addresses of this machine, small numbers and
 * what may be a part of an id, fillings such as "xxxxxx" and the contracts' own words cannot.
 */
export function isTelling(value: string): boolean {
  if (OWN_WORDS.has(value)) return false;
  if (value.length < FEWEST_CHARACTERS || new Set(value).size < 4) return false;
  return !/^([\da-f-]{1,11}|\d+(\.\d+){3}(:\d+)?)$/i.test(value);
}

/**
 * What a message holds in fields that its contract marks with debug_redact.
 *
 * @param schema the message's type
 * @param message the message
 */
export function secretsOf(schema: DescMessage, message: Message): Secret[] {
  if (!mayHoldSecrets(schema)) return [];
  return schema.fields.flatMap((field) => {
    const value = contentOf(field, message);
    if (value === undefined) return [];
    const where = `${schema.typeName}.${field.name}`;
    if (field.proto.options?.debugRedact) return textsIn(value).map((text) => ({ value: text, where }));
    return elementsOf(field, value).flatMap((each) => secretsOf(field.message as DescMessage, each));
  });
}

function elementsOf(field: DescField, value: unknown): Message[] {
  if (field.message === undefined || typeof value !== "object" || value === null) return [];
  return field.fieldKind === "message" ? [value as Message] : (Object.values(value) as Message[]);
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return isTelling(value) ? [value] : [];
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return [];
  return Object.entries(value).flatMap(([name, each]) => (name.startsWith("$") ? [] : textsIn(each)));
}

const known = new Map<DescMessage, boolean>();

function mayHoldSecrets(schema: DescMessage): boolean {
  let may = known.get(schema);
  if (may === undefined) {
    // A message that holds itself adds nothing to what it holds.
    known.set(schema, false);
    may = schema.fields.some(
      ({ proto, message }) =>
        proto.options?.debugRedact || (message !== undefined && mayHoldSecrets(message)),
    );
    known.set(schema, may);
  }
  return may;
}
