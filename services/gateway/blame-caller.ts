import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import { tooLarge } from "#kit/policy/decode.ts";
import { mostOf } from "#kit/policy/most.ts";
import { toConnectError } from "./connect-error.ts";

/** How Connect's library begins when bytes are no message. */
const PARSE_BINARY = "parse binary: ";
/** What it says of a message that has more bytes than it is told to take. */
const TOO_LARGE = /^message .*larger than configured readMaxBytes (\d+)/;
/** What it says of some mistakes, and what helps who made them. */
const PLAINER: Readonly<Record<string, string>> = {
  "decompression failed":
    "the request cannot be decompressed; it is broken or not compressed as its headers say",
  "received compressed envelope, but do not know how to decompress":
    "a message is marked as compressed, but no header names the compression",
};
/** The codes under which it reports what is wrong with a request. */
const REQUEST_CODES: ReadonlySet<Code> = new Set([Code.Internal, Code.InvalidArgument]);

/** What is known of a mistake. */
interface Mistake {
  /** The field that is to blame; "" when it is the request as a whole. */
  readonly field?: string;
  /** What found it. */
  readonly cause?: unknown;
}

/**
 * Makes the error that tells a caller what is wrong with a request.
 *
 * @param why what is wrong
 * @param mistake what else is known of it
 */
export function malformed(why: string, { field = "", cause }: Mistake = {}): ConnectError {
  const violations = [{ field: field || "request", description: why }];
  const message = field === "" ? why : `${field}: ${why}`;
  return toConnectError(refuseMesh(MeshReason.INVALID_REQUEST, message, { violations, cause }));
}

/**
 * Turns what Connect's library finds wrong with a request into the caller's mistake: it reports some of it
 * as INTERNAL, which tells of ours. Errors that bring details are not the library's.
 *
 * @param error the error; changed in place
 * @param method the method that was called
 */
export function blameCaller(error: ConnectError, method: DescMethod): ConnectError {
  if (error.details.length > 0) return error;
  const blame = mistakeOf(error, method);
  if (blame === undefined) return error;
  return Object.assign(error, {
    code: blame.code,
    rawMessage: blame.rawMessage,
    details: blame.details,
  });
}

function mistakeOf({ code, rawMessage }: ConnectError, { input }: DescMethod): ConnectError | undefined {
  const most = mostOf(input).bytes;
  if (TOO_LARGE.exec(rawMessage)?.[1] === String(most)) return toConnectError(tooLarge(input));
  if (!REQUEST_CODES.has(code)) return undefined;
  return rawMessage.startsWith(PARSE_BINARY)
    ? malformed(`the request is not a ${input.typeName}: ${rawMessage.slice(PARSE_BINARY.length)}`)
    : malformed(PLAINER[rawMessage] ?? rawMessage);
}

/**
 * Has the errors of a call looked at before they are written: Connect's library ends a call with its error
 * first, and offers no other place to do so.
 *
 * @param context the call
 */
export function blameCallerOf({ signal, method }: HandlerContext): void {
  signal.addEventListener("abort", () => {
    if (signal.reason instanceof ConnectError) blameCaller(signal.reason, method);
  });
}
