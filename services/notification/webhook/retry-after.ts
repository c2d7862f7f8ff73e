/** Whoever asks for no patience at all gets a little. */
const LEAST_MS = 1_000;
/** Whoever asks for more than this is tried sooner: it may be a mistake, and messages grow old. */
const MOST_MS = 6 * 3_600_000;

/**
 * How long an endpoint asks to be left alone (RFC 9110, 10.2.3), in ms and within bounds.
 *
 * @param header Retry-After: seconds, or a date
 * @param now the time
 * @returns undefined when it asks for nothing that can be read
 */
export function readRetryAfter(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, LEAST_MS), MOST_MS);
}
