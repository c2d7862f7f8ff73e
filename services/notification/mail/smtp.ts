import { createTransport } from "nodemailer";
import type { StoredMail } from "./mail-queue.ts";

/** What became of an attempt to hand a mail over. */
export type Delivery =
  | { readonly kind: "taken" }
  /** The server does not take it; `forGood` when it never will. */
  | { readonly kind: "refused"; readonly forGood: boolean; readonly reason: string }
  /** Nobody answered, or the connection broke. */
  | { readonly kind: "unanswered"; readonly reason: string };

/** A mail server that takes mails. */
export interface Smtp {
  /** Hands a mail over. Never throws. */
  deliver(mail: StoredMail): Promise<Delivery>;
  /** @throws Error when the server is away or does not let us in */
  check(): Promise<void>;
  close(): void;
}

/** How many mails are handed over at a time. */
export const CONNECTIONS = 5;
/** How long one mail may take in all, in ms. */
export const DELIVER_MS = 10_000;

const CONNECT_MS = 4_000;
/** After this a connection that is not used is closed, in ms. */
const IDLE_MS = 5_000;
/** Longer than any reply that helps. */
const REASON_LENGTH = 500;

/**
 * Opens connections to a mail server as they are needed.
 *
 * @param url smtp:// or smtps://, with user name and password where the server asks for them
 * @param from who writes
 */
export function openSmtp(url: string, from: { readonly name: string; readonly address: string }): Smtp {
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
    async deliver(mail) {
      const hangUp = new AbortController();
      const timer = setTimeout(
        () => hangUp.abort(new Error(`not taken within ${DELIVER_MS} ms`)),
        DELIVER_MS,
      );
      try {
        await transport.sendMail({
          from,
          to: { name: "", address: mail.recipient },
          subject: mail.subject,
          text: mail.text,
          html: mail.html,
          messageId: mail.message_id,
          date: mail.create_time,
          // Keeps holiday notices and the like from answering (RFC 3834).
          headers: { "Auto-Submitted": "auto-generated" },
          signal: hangUp.signal,
        });
        return { kind: "taken" };
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

function readFailure({ code, command, responseCode, message }: SmtpError): Delivery {
  const reason = message.slice(0, REASON_LENGTH);
  const aboutTheMail = code === "EENVELOPE" || code === "EMESSAGE";
  if (!aboutTheMail || responseCode === 421) return { kind: "unanswered", reason };
  // Without a reply it is our own side that cannot write the mail.
  if (responseCode === undefined) return { kind: "refused", forGood: true, reason };
  // A sender that the server does not let in is a matter of settings, not of the mail.
  const forGood = responseCode >= 500 && responseCode !== 503 && command !== "MAIL FROM";
  return { kind: "refused", forGood, reason };
}
