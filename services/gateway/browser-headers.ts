import type { IncomingMessage, ServerResponse } from "node:http";
import { cors as connectCors } from "@connectrpc/connect";
import cors, { type CorsOptions } from "cors";
import helmet, { type HelmetOptions } from "helmet";
import { PASSED_HEADERS } from "./passed-headers.ts";

/** Headers by name in lower case. */
export type HeaderRecord = Readonly<Record<string, string>>;

/** What browsers are told beside the answers. */
export interface BrowserHeaders {
  /** The headers of every answer to a page of some origin; the same object each time. */
  of(origin: string | undefined): HeaderRecord;
  /** Answers the question whether a page may call (Fetch, CORS-preflight request). */
  answerPreflight(request: IncomingMessage, response: ServerResponse): void;
}

/**
 * What browsers are told of answers that are data and never pages: nothing in them is to be run, framed or
 * guessed at. Each header costs time in each call, so those that only concern pages are left out.
 */
const SECURITY: HelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  crossOriginResourcePolicy: { policy: "cross-origin" },
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xPoweredBy: false,
  xXssProtection: false,
};

/** What pages of other origins may send and see: what Connect and gRPC-Web need, and our own headers. */
const SHARING: CorsOptions = {
  methods: [...connectCors.allowedMethods],
  allowedHeaders: [
    ...connectCors.allowedHeaders,
    "authorization",
    "idempotency-key",
    "if-none-match",
    "traceparent",
    "x-request-id",
  ],
  exposedHeaders: [...connectCors.exposedHeaders, ...PASSED_HEADERS, "x-request-id"],
  maxAge: 7_200,
};

/**
 * Asks helmet and cors once for what they say of each origin: it depends on nothing else, and asking them
 * in each call would cost more than the rest of its headers.
 *
 * @param origins the origins of pages that may call; "*" for any
 */
export function browserHeaders(origins: readonly string[]): BrowserHeaders {
  const secure = helmet(SECURITY);
  const share = cors({ ...SHARING, origin: origins.includes("*") ? "*" : [...origins] });
  const headersOf = (origin: string | undefined) =>
    recordHeaders((response) => {
      const request = { method: "POST", headers: { origin } } as IncomingMessage;
      secure(request, response, () => share(request as never, response as never, () => {}));
    });
  const strangers = headersOf(undefined);
  const known = new Map(origins.map((origin) => [origin, headersOf(origin)]));
  return {
    of: (origin) => (origin === undefined ? strangers : (known.get(origin) ?? strangers)),
    answerPreflight(request, response) {
      secure(request, response, () => share(request as never, response as never, () => {}));
    },
  };
}

function recordHeaders(write: (response: ServerResponse) => void): HeaderRecord {
  const headers: Record<string, string> = {};
  const recorder: Pick<ServerResponse, "setHeader" | "getHeader"> = {
    setHeader(name, value) {
      headers[name.toLowerCase()] = String(value);
      return recorder as ServerResponse;
    },
    getHeader: (name) => headers[name.toLowerCase()],
  };
  write(recorder as ServerResponse);
  return headers;
}
