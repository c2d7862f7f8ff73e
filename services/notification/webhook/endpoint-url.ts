import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { ErrorReason, refuse } from "../errors.ts";
import { isPublicAddress } from "./public-address.ts";

/** How long a host may take to be found, in ms; a call of the endpoint looks for it again anyway. */
const LOOK_UP_MS = 2_000;

/**
 * Checks where an endpoint shall be.
 *
 * @param text the address
 * @param toPrivate whether it may be http, and lead into the shop's own network, as in development
 * @returns the address as it is stored
 * @throws SoukError WEBHOOK_URL_REFUSED that names the remedy, and not the address
 */
export async function checkUrl(text: string, toPrivate: boolean): Promise<string> {
  if (!URL.canParse(text)) throw refuseUrl("cannot be read; it looks like https://example.com/souk");
  const url = new URL(text);
  const unfit = whyUnfit(url, toPrivate) ?? (toPrivate ? undefined : await whyUnreachable(url));
  if (unfit !== undefined) throw refuseUrl(unfit);
  url.hash = "";
  return url.href;
}

/**
 * Why an address must not be called, as far as it tells by itself.
 *
 * @param url the address
 * @param toPrivate whether it may be http, and lead into the shop's own network
 * @returns undefined when nothing speaks against it
 */
export function whyUnfit(url: URL, toPrivate: boolean): string | undefined {
  if (url.username !== "" || url.password !== "") {
    return "must hold no user name or password; calls are signed instead";
  }
  if (toPrivate) return undefined;
  if (url.protocol !== "https:") return "must begin with https://";
  // A host that is an address is never looked up, so nothing else would check it.
  const host = hostOf(url);
  return isIP(host) === 0 || isPublicAddress(host) ? undefined : LEADS_INSIDE;
}

const LEADS_INSIDE = "must lead to the public internet, not into a private network";

/** Without brackets around an IPv6 address. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/** Whom the network does not find now it may find later: only what is known speaks against a host. */
async function whyUnreachable(url: URL): Promise<string | undefined> {
  const giveUp = new AbortController();
  try {
    const found = await Promise.race([
      lookup(hostOf(url), { all: true }),
      delay(LOOK_UP_MS, [], { signal: giveUp.signal, ref: false }),
    ]);
    return found.every(({ address }) => isPublicAddress(address)) ? undefined : LEADS_INSIDE;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOTFOUND" ? "has a host that nobody knows" : undefined;
  } finally {
    giveUp.abort();
  }
}

function refuseUrl(description: string) {
  return refuse(ErrorReason.WEBHOOK_URL_REFUSED, `url ${description}`, {
    violations: [{ field: "url", description }],
  });
}
