import { createHash } from "node:crypto";
import { type DescMessage, fromBinary, type Message } from "@bufbuild/protobuf";
import type { Encoded } from "../rpc/call.ts";

/** How much of the events a loader had heard of before it began to load. */
export interface Standing {
  /** The stream of events; one that is made anew counts from 1 again and so has another name. */
  readonly stream: string;
  /** The last event of the stream. */
  readonly sequence: number;
  /** When it was, on the clock of this process; 0 for what other processes loaded, before anything here. */
  readonly moment: number;
}

/** An answer that is remembered. */
export interface Entry extends Encoded {
  /** A strong validator (RFC 9110, 8.8.1), without quotes. */
  readonly etag: string;
  /** When its loading began, in ms since the epoch. */
  readonly loadTime: number;
  /** What it tells of. */
  readonly tags: readonly string[];
  readonly standing: Standing;
  /** The decoded answer, for callers in this process; nobody may change it. */
  message?: Message;
  /** What else is kept with it, and how many bytes that takes. */
  readonly beside?: { readonly extraBytes: number };
}

/** Where it stands that a remembered answer was loaded, for a gateway that remembers it in turn. */
export const STANDING_HEADER = "souk-standing";

/** What is shared between processes is written in this way; what another version wrote is passed over. */
const FORMAT = 1;
const HEAD_BYTES = 5;

/**
 * The validator of an answer.
 *
 * @param bytes the answer
 */
export function etagOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64url").slice(0, 22);
}

/**
 * The message of an entry, decoded once for all who ask; it is frozen.
 *
 * @param entry the entry
 * @param schema the type of the answer
 */
export function messageOf(entry: Entry, schema: DescMessage): Message {
  entry.message ??= freeze(fromBinary(schema, entry.encoded));
  return entry.message;
}

/**
 * Writes an entry for other processes: the format, the length of what is said of the answer, that as JSON, the answer.
 *
 * @param entry the entry
 */
export function writeEntry({ encoded, etag, loadTime, tags, standing }: Entry): Buffer {
  const { stream, sequence } = standing;
  const about = Buffer.from(JSON.stringify({ etag, loadTime, tags, stream, sequence }));
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt8(FORMAT, 0);
  head.writeUInt32BE(about.length, 1);
  return Buffer.concat([head, about, encoded]);
}

/**
 * Reads an entry that some process wrote.
 *
 * @param bytes what it wrote
 * @returns undefined when it is of another format
 */
export function readEntry(bytes: Buffer): Entry | undefined {
  if (bytes.length < HEAD_BYTES || bytes.readUInt8(0) !== FORMAT) return undefined;
  const end = HEAD_BYTES + bytes.readUInt32BE(1);
  const { etag, loadTime, tags, stream, sequence } = JSON.parse(bytes.toString("utf8", HEAD_BYTES, end));
  const standing = { stream, sequence, moment: 0 };
  // A copy, since what Redis sent may be a small part of what came.
  return { encoded: new Uint8Array(bytes.subarray(end)), etag, loadTime, tags, standing };
}

/**
 * Writes when and where an answer was loaded.
 *
 * @param entry the answer
 */
export function writeStanding({ loadTime, standing }: Entry): string {
  return `${loadTime} ${standing.sequence} ${standing.stream}`;
}

/**
 * Reads when and where an answer was loaded in another process.
 *
 * @param text what that process wrote
 * @returns undefined when it is of another format
 */
export function readStanding(text: string): Pick<Entry, "loadTime" | "standing"> | undefined {
  const [, loadTime, sequence, stream] = /^(\d+) (\d+) (.*)$/.exec(text) ?? [];
  if (loadTime === undefined || sequence === undefined || stream === undefined) return undefined;
  return { loadTime: Number(loadTime), standing: { stream, sequence: Number(sequence), moment: 0 } };
}

/** Freezes a message with all that is in it. */
export function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  // The bytes of a field cannot be frozen.
  if (ArrayBuffer.isView(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) freeze(part);
  return value;
}
