import type { DescMethod } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { codeToHttpStatus, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { blameCaller } from "../blame-caller.ts";
import { toConnectError } from "../connect-error.ts";
import { retryAfterOf } from "../passed-headers.ts";
import { type Body, plainBody } from "./answer-bodies.ts";
import type { UnaryCall } from "./serve-unary.ts";

/** What a call is answered with. */
export interface Reply {
  readonly status: number;
  /** The type of its content. */
  readonly type: string;
  readonly body: Body;
}

/** Compressing fewer bytes costs more than it saves. */
const COMPRESS_FROM_BYTES = 1_024;

/**
 * The reply that tells of a failure, with all its details.
 *
 * @param thrown anything that was thrown
 * @param method the method that was called
 * @param headers gets what is said beside it
 */
export function failureReply(thrown: unknown, method: DescMethod, headers: Record<string, string>): Reply {
  let error: ConnectError;
  if (thrown instanceof ConnectError) error = blameCaller(thrown, method);
  else {
    error = toConnectError(thrown);
    const retryAfter = retryAfterOf(thrown);
    if (retryAfter !== undefined) headers["retry-after"] ??= retryAfter;
  }
  const body = plainBody(errorToJsonBytes(error, undefined));
  return { status: codeToHttpStatus(error.code), type: "application/json", body };
}

/**
 * Writes a reply, compressed where that pays, or that nothing has changed since the caller asked last
 * (RFC 9110, 13.1.2).
 *
 * @param call the call
 * @param reply what it is answered with
 * @param headers what is said beside it
 * @param compression what the caller takes; null when it takes none
 */
export async function writeReply(
  { form, request, response }: UnaryCall,
  { status, type, body }: Reply,
  headers: Record<string, string>,
  compression: Compression | null,
): Promise<void> {
  if (form.query !== undefined) {
    // Caches keep answers to GET: to them, the compressed form is another answer.
    headers["vary"] = [headers["vary"], "Accept-Encoding"].filter(Boolean).join(", ");
    if (status === 200 && isKnown(headers["etag"], request.headers["if-none-match"])) {
      response.writeHead(304, headers);
      response.end();
      return;
    }
  }
  headers["content-type"] = type;
  let { bytes } = body;
  if (compression !== null && bytes.length >= COMPRESS_FROM_BYTES) {
    bytes = await body.compressed(compression);
    headers["content-encoding"] = compression.name;
    const { etag } = headers;
    if (etag?.startsWith('"')) headers["etag"] = `W/${etag}`;
  }
  headers["content-length"] = String(bytes.length);
  response.writeHead(status, headers);
  response.end(bytes);
}

/** Whether a caller has the answer with this tag; strength does not count (RFC 9110, 8.8.3.2). */
function isKnown(etag: string | undefined, ifNoneMatch: string | undefined): boolean {
  if (etag === undefined || ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === "*") return true;
  return ifNoneMatch.split(",").some((known) => strong(known.trim()) === strong(etag));
}

function strong(etag: string): string {
  return etag.startsWith("W/") ? etag.slice(2) : etag;
}
