import { randomBytes } from "node:crypto";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { propagation, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { type ReadableSpan, TracerProvider } from "@opentelemetry/sdk-trace";
import { SoukError } from "#kit/error.ts";
import { isTelling, type Secret, secretsOf } from "./secrets-of.ts";

/** Names the folder in which the processes of a run leave what is searched for secrets after it. */
export const EVIDENCE = "SOUK_TEST_EVIDENCE";

/** The endings of the files in it: the secrets that were used, and the texts in which none may stand. */
export const ENDINGS = { secrets: ".secrets", texts: ".text" } as const;

const folder = process.env[EVIDENCE];
const seen = new Set<string>();

/** The settings under which programs leave their logs for the search; none where nobody will search. */
export function loggingForSearch(): Record<string, string> {
  if (folder === undefined || process.env["SOUK_TEST_LOG_LEVEL"] !== undefined) return {};
  const name = `log-${process.pid}-${randomBytes(4).toString("hex")}`;
  return { SOUK_LOG_LEVEL: "trace", SOUK_LOG_FILE: join(folder, name + ENDINGS.texts) };
}

/**
 * Tells of a secret that a test uses.
 *
 * @param value the secret
 * @param where what it is
 */
export function noteSecret(value: string, where: string): void {
  if (folder === undefined || seen.has(value) || !isTelling(value)) return;
  seen.add(value);
  const secret: Secret = { value, where };
  leave(ENDINGS.secrets, JSON.stringify(secret));
}

/** Tells of the secrets in a message that a test sends. */
export function noteSecretsSent(schema: DescMessage, message: Message): void {
  if (folder === undefined) return;
  for (const { value, where } of secretsOf(schema, message)) noteSecret(value, where);
}

/** Letters and nothing that would make a token or a code of them. */
const WORDS = /^[\p{L}\s.,;:'’()-]+$/u;

/** Tells of the secrets in an answer: tokens and codes. Words were sent before, or are the shop's own. */
export function noteSecretsTold(schema: DescMessage, message: Message): void {
  if (folder === undefined) return;
  for (const { value, where } of secretsOf(schema, message)) {
    if (!WORDS.test(value)) noteSecret(value, where);
  }
}

/** Leaves the text of an error that a caller was told for the search. */
export function noteError(thrown: unknown): void {
  if (folder === undefined || !(thrown instanceof SoukError)) return;
  const { message, reason, metadata, details } = thrown;
  const told = details.map(({ value }) => Buffer.from(value).toString());
  leave(ENDINGS.texts, JSON.stringify({ message, reason, metadata, told }));
}

let tracing = false;

/** Has the traces of this process left for the search. */
export function traceForSearch(): void {
  if (folder === undefined || tracing) return;
  tracing = true;
  const processor = {
    onStart() {},
    onEnd({ name, attributes, events, status }: ReadableSpan) {
      leave(ENDINGS.texts, JSON.stringify({ span: name, attributes, events, status }));
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [processor] }));
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
}

/** Spans are many and small: they are kept until there are so many characters of them, or the process ends. */
const MOST_KEPT = 65_536;
const kept = new Map<string, string>();

function leave(ending: string, line: string): void {
  if (kept.size === 0) process.once("exit", () => [...kept.keys()].forEach(write));
  const text = `${kept.get(ending) ?? ""}${line}\n`;
  kept.set(ending, text);
  if (text.length > MOST_KEPT) write(ending);
}

function write(ending: string): void {
  appendFileSync(join(folder as string, `test-${process.pid}${ending}`), kept.get(ending) ?? "");
  kept.set(ending, "");
}
