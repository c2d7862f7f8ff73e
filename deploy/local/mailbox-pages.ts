import { createHash } from "node:crypto";
import type { MailMessage } from "./mail-message.ts";

/** A mail in the list. */
export interface MailSummary {
  id: string;
  from: string;
  to: string[];
  subject: string;
  /** When it arrived, ISO 8601. */
  receivedAt: string;
}

const style = `
:root { color-scheme: light dark; --line: light-dark(#ddd, #444); --soft: light-dark(#666, #aaa); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .5rem 1rem .5rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 500; }
th[scope=row] { width: 6rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; padding: 1rem; border: 1px solid var(--line); border-radius: .4rem; }
iframe { width: 100%; height: 32rem; border: 1px solid var(--line); border-radius: .4rem; background: #fff; }
time, .soft { color: var(--soft); }
`;

/** What a page of the mailbox may load: its own style, and a mail's HTML in a frame without scripts. */
export const pagePolicy =
  `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; ` +
  "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** What the HTML of a mail may load: nothing but what it holds itself. */
export const mailPolicy =
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'self'";

/** The page with the list of mails, which loads itself again every five seconds. */
export function listPage(mails: readonly MailSummary[], total: number): string {
  const rows = mails.map(
    (
      mail,
    ) => `<tr><td><time datetime="${escapeHtml(mail.receivedAt)}">${escapeHtml(shortTime(mail.receivedAt))}</time></td>
<td>${escapeHtml(mail.to.join(", "))}</td><td><a href="/messages/${escapeHtml(mail.id)}">${escapeHtml(mail.subject || "(no subject)")}</a></td></tr>`,
  );
  const table = `<table><thead><tr><th scope="col">Received</th><th scope="col">To</th><th scope="col">Subject</th></tr></thead>
<tbody>${rows.join("\n")}</tbody></table>`;
  const older = total > mails.length ? `<p class="soft">The newest ${mails.length} of ${total}.</p>` : "";
  const content = mails.length > 0 ? table + older : "<p>No mail yet. What the shop sends arrives here.</p>";
  return page("Mailbox", `<h1>Mailbox</h1>${content}`, '<meta http-equiv="refresh" content="5">');
}

/** The page that shows one mail. */
export function messagePage(mail: MailSummary, message: MailMessage): string {
  const shown = ["From", "To", "Cc", "Reply-To", "Date"];
  const rows = message.headers
    .filter(([name]) => shown.some((wanted) => wanted.toLowerCase() === name.toLowerCase()))
    .map(([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`);
  const attachments = message.attachments.map(
    ({ name, type, bytes }) =>
      `<li>${escapeHtml(name)} <span class="soft">${escapeHtml(type)}, ${bytes} bytes</span></li>`,
  );
  const parts = [`<p><a href="/">Mailbox</a></p><h1>${escapeHtml(mail.subject || "(no subject)")}</h1>`];
  parts.push(`<table><tbody>${rows.join("\n")}</tbody></table>`);
  if (message.text !== undefined) parts.push(`<pre>${linkify(message.text)}</pre>`);
  if (message.html !== undefined) {
    parts.push(
      `<iframe sandbox title="The mail as HTML" src="/messages/${escapeHtml(mail.id)}/html"></iframe>`,
    );
  }
  if (attachments.length > 0) parts.push(`<h2>Attachments</h2><ul>${attachments.join("\n")}</ul>`);
  parts.push(`<p><a href="/messages/${escapeHtml(mail.id)}/source">Source</a></p>`);
  return page(mail.subject || "(no subject)", parts.join("\n"));
}

/** A page that says that something went wrong. */
export function errorPage(problem: string): string {
  return page(problem, `<h1>${escapeHtml(problem)}</h1><p><a href="/">Mailbox</a></p>`);
}

function page(title: string, body: string, head = ""): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">${head}
<title>${escapeHtml(title)}</title><style>${style}</style></head>
<body><main>${body}</main></body></html>
`;
}

function shortTime(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

function linkify(text: string): string {
  return text
    .split(/(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)])/)
    .map((piece, index) =>
      index % 2 === 1
        ? `<a href="${escapeHtml(piece)}" rel="noreferrer">${escapeHtml(piece)}</a>`
        : escapeHtml(piece),
    )
    .join("");
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] as string);
}
