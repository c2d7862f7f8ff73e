import { RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { detailOf, toSoukError } from "#kit/error.ts";
import type { AnswerHeaders } from "#kit/mesh/transport.ts";

/** What services may tell callers outside beside the message; nothing else of what they send along leaves. */
export const PASSED_HEADERS = [
  "age",
  "cache-control",
  "deprecation",
  "etag",
  "ratelimit",
  "ratelimit-policy",
  "retry-after",
  "vary",
] as const;

/**
 * Picks what leaves out of what a service sent along.
 *
 * @param sent what the service sent along
 * @param pass called for each header that leaves
 */
export function passHeaders(sent: AnswerHeaders, pass: (name: string, value: string) => void): void {
  for (const name of PASSED_HEADERS) {
    const value = sent.get(name);
    if (value === undefined) continue;
    // Answers vary by the origin of the page already.
    pass(name, name === "vary" ? `Origin, ${value}` : value);
  }
}

/**
 * When a repetition of what failed may help, as the header Retry-After says it (RFC 9110, 10.2.3).
 *
 * @param thrown what failed
 * @returns whole seconds; undefined when the failure does not say
 */
export function retryAfterOf(thrown: unknown): string | undefined {
  const delay = detailOf(toSoukError(thrown), RetryInfoSchema)?.retryDelay;
  return delay && String(Number(delay.seconds) + Math.ceil(delay.nanos / 1e9));
}
