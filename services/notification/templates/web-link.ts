import { type Html, html } from "./html.ts";

/**
 * An address as HTML: a link where it is one of the web, and nothing but text where it is of another kind.
 *
 * @param uri as somebody else wrote it
 */
export function webLink(uri: string): Html {
  return /^https?:\/\//i.test(uri) ? html`<a href="${uri}">${uri}</a>` : html`${uri}`;
}
