import { sql } from "kysely";
import { createTransport } from "nodemailer";
import type { Channel, Outcome } from "../delivery/channel.ts";
import type { Letter } from "./letter.ts";

/** How many mails are handed over at a time. */
const CONNECTIONS = 5;
/** How long one mail may take in all, in ms. */
const DELIVER_MS = 10_000;

/**
 * A mail is given up after this many attempts: at the usual half minute before the second one, that is after 17 hours.
 * Times at which the mail server is away altogether do not count.
 */
export const MOST_ATTEMPTS = 12;

const POLL_MS = 500;
const CONNECT_MS = 4_000;
/** After this a connection that is not used is closed, in ms. */
const IDLE_MS = 5_000;
/** Longer than any reply that helps. */
const REASON_LENGTH = 500;

/**
 * The channel of mails. It opens connections to a mail server as they are needed.
 *
 * @param url smtp:// or smtps://, with user name and password where the server asks for them
 * @param from who writes
 * @param retryMs how long after the first refusal a mail is tried again, in ms
 */
export function mailChannel(
  url: string,
  from: { readonly name: string; readonly address: string },
  retryMs: number,
): Channel {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: CONNECTIONS,
    maxRequeues: 1,
    idleTimeout: IDLE_MS,
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    dnsTimeout: CONNECT_MS,
    socketTimeout: DELIVER_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    name: "EMAIL",
    atOnce: CONNECTIONS,
    fullAt: CONNECTIONS,
    batches: 1,
    deliverMs: DELIVER_MS,
    mostAttempts: MOST_ATTEMPTS,
    retryMs,
    longestRetryMs: Number.POSITIVE_INFINITY,
    pollMs: POLL_MS,
    due: (limit) => sql`select id from delivery
      where channel = 'EMAIL' and state = 'PENDING' and next_attempt_at <= now()
      order by next_attempt_at limit ${limit} for update skip locked`,
    async deliver({ recipient, content, create_time }) {
      const { subject, text, html, messageId } = content as Letter;
      const hangUp = new AbortController();
      const timer = setTimeout(
        () => hangUp.abort(new Error(`not taken within ${DELIVER_MS} ms`)),
        DELIVER_MS,
      );
      try {
        const { response } = await transport.sendMail({
          from,
          to: { name: "", address: recipient },
          subject,
          text,
          html,
          messageId,
          date: create_time,
          // Keeps holiday notices and the like from answering (RFC 3834).
          headers: { "Auto-Submitted": "auto-generated" },
          signal: hangUp.signal,
        });
        return { kind: "taken", statusCode: Number.parseInt(response, 10) || 0 };
      } catch (error) {
        return readFailure(error as SmtpError);
      } finally {
        clearTimeout(timer);
      }
    },
    async check() {
      await transport.verify();
    },
    close: () => transport.close(),
  };
}

interface SmtpError extends Error {
  readonly code?: string;
  /** The command that failed. */
  readonly command?: string;
  /** The status of the server's reply. */
  readonly responseCode?: number;
}

function readFailure({ code, command, responseCode, message }: SmtpError): Outcome {
  const reason = message.slice(0, REASON_LENGTH);
  const aboutTheMail = code === "EENVELOPE" || code === "EMESSAGE";
  if (!aboutTheMail || responseCode === 421) return { kind: "unanswered", reason };
  // Without a reply it is our own side that cannot write the mail.
  if (responseCode === undefined) return { kind: "refused", forGood: true, statusCode: 0, reason };
  // A sender that the server does not let in is a matter of settings, not of the mail.
  const forGood = responseCode >= 500 && responseCode !== 503 && command !== "MAIL FROM";
  return { kind: "refused", forGood, statusCode: responseCode, reason };
}
