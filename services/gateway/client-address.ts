import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

/** Whom the gateway believes about where a call came from. */
export interface TrustedProxies {
  /** How many proxies there are between callers and the gateway; each appends to X-Forwarded-For what it saw. */
  readonly count: number;
  /** What the nearest of them sends along to prove itself; undefined where only it can reach the gateway. */
  readonly secret: string | undefined;
}

/** The header in which the nearest proxy proves itself. */
export const PROXY_SECRET_HEADER = "souk-proxy-secret";

/**
 * Makes the function that finds the IP address from which a call came. What a caller says of itself stands
 * left of what trusted proxies appended, and is never believed.
 *
 * @param proxies whom to believe
 */
export function clientAddresses({ count, secret }: TrustedProxies): (request: IncomingMessage) => string {
  const expected = secret === undefined ? undefined : Buffer.from(secret);
  return (request) => (isFromProxy(request) ? forwardedFor(request) : undefined) ?? peerOf(request);

  function isFromProxy({ headers }: IncomingMessage): boolean {
    if (count === 0 || expected === undefined) return count > 0;
    const given = Buffer.from(String(headers[PROXY_SECRET_HEADER] ?? ""));
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  function forwardedFor({ headers }: IncomingMessage): string | undefined {
    const seen = String(headers["x-forwarded-for"] ?? "").split(",");
    const address = plain((seen.at(-count) ?? seen[0] ?? "").trim());
    return isIP(address) === 0 ? undefined : address;
  }
}

function peerOf({ socket }: IncomingMessage): string {
  return plain(socket.remoteAddress ?? "");
}

/** IPv4 callers look like this where a socket listens for both kinds (RFC 4291, 2.5.5.2). */
function plain(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}
