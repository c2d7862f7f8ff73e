import type { Block } from "../wording/placeholders.ts";
import { html } from "./html.ts";
import type { Shop } from "./message.ts";

/**
 * Leads from a mail to a page of the storefront. The token stands in the fragment, which browsers send to no
 * server, so that it gets into no log; where no storefront is known, the mail shows it to be typed in.
 *
 * @param shop who writes
 * @param page the page, for example "verify-email"
 * @param token the token
 */
export function tokenLink({ url }: Shop, page: string, token: string): Block {
  if (url === undefined) {
    return { text: `Your code: ${token}`, html: html`<p>Your code: <code>${token}</code></p>` };
  }
  const link = new URL(page, url.endsWith("/") ? url : `${url}/`);
  link.hash = new URLSearchParams({ token }).toString();
  return { text: link.href, html: html`<p><a href="${link.href}">${link.origin}${link.pathname}</a></p>` };
}

/** When a token ends, as people read it. */
export function formatEnd(time: Date): string {
  return new Intl.DateTimeFormat("en", {
    dateStyle: "long",
    timeStyle: "short",
    timeZone: "UTC",
    hourCycle: "h23",
  })
    .format(time)
    .concat(" UTC");
}
