import { type ClientRequest, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import { VERSION } from "#kit/version.ts";

/** What to send, and where. */
export interface Posting {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
  /** Resolves the host of the connection; as usual where it is left out. */
  readonly lookup: LookupFunction | undefined;
  /** Ends the call. */
  readonly signal: AbortSignal;
}

/** What was answered. */
export interface Answer {
  readonly status: number;
  /** The header of this name; undefined where there is none. */
  readonly retryAfter: string | undefined;
}

/** Of an answer no more is read than this: nothing depends on it, and it may go on for ever. */
const MOST_BYTES = 65_536;

/**
 * Posts JSON on a connection of its own and follows no redirect. The status tells what became of it: the rest of the
 * answer is read only so that the other side can end, and may break off.
 *
 * @throws Error when there is no answer: the host is not known or refused, the connection broke, or the signal ended it
 */
export function postJson({ url, headers, body, lookup, signal }: Posting): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const post = url.protocol === "https:" ? requestHttps : requestHttp;
  const call: ClientRequest = post(url, {
    method: "POST",
    agent: false,
    headers: {
      ...headers,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "user-agent": `Souk-Webhooks/${VERSION}`,
    },
    ...(lookup && { lookup }),
    signal,
  });
  let answer: Answer | undefined;
  call.on("response", (response) => {
    answer = { status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"] };
    let bytes = 0;
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) response.destroy();
    });
    // What follows the status may break off.
    response.on("error", () => {});
  });
  call.on("error", (error) => {
    if (answer === undefined) reject(error);
  });
  // Comes last, whatever came before.
  call.on("close", () => {
    if (answer !== undefined) resolve(answer);
    else reject(new Error("the connection was closed without an answer"));
  });
  call.end(body);
  return promise;
}
