import type { Logger } from "pino";
import type { NotificationDatabase } from "../database.ts";
import { giveUp, markSent, putBack, type StoredMail, takeDueMails, tryLater } from "./mail-queue.ts";
import { CONNECTIONS, DELIVER_MS, type Delivery, type Smtp } from "./smtp.ts";

/** What mails are sent with. */
export interface Outbound {
  readonly db: NotificationDatabase;
  readonly smtp: Smtp;
  readonly log: Logger;
  /** How long after the first refusal a mail is tried again, in ms; twice as long each time. */
  readonly retryMs: number;
}

/**
 * A mail is given up after this many attempts: at the usual half minute before the second one, that
 * is after 17 hours. Times at which the mail server is away altogether do not count.
 */
export const MOST_ATTEMPTS = 12;

/** Longer than a batch takes, so that nobody else takes its mails for lost. */
const LEASE_MS = 4 * DELIVER_MS;

/**
 * Sends mails that are due, at most as many as there are connections.
 *
 * A mail is noted as sent after the server took it. Where the process dies in between, the mail goes
 * out again when its lease ends: SMTP has no way to tell the server that it has this one already.
 * The Message-ID stays the same, so that receivers can drop the second one.
 *
 * @returns whether there may be more to send
 * @throws Error when the mail server or the database is away: then the mails wait as they are
 */
export async function sendDueMails(outbound: Outbound): Promise<boolean> {
  const { db, smtp } = outbound;
  const mails = await takeDueMails(db, CONNECTIONS, LEASE_MS);
  const unanswered: { mail: StoredMail; reason: string }[] = [];
  await Promise.all(
    mails.map(async (mail) => {
      const delivery = await attempt(smtp, mail);
      if (delivery.kind === "unanswered") unanswered.push({ mail, reason: delivery.reason });
      else if (delivery.kind === "taken") await markSent(db, mail);
      else await refuse(outbound, mail, delivery);
    }),
  );
  if (unanswered.length === 0) return mails.length === CONNECTIONS;

  // A server that answers others, but breaks off at a mail, has something against the mail.
  const away = await smtp.check().then(
    () => undefined,
    (cause: unknown) => new Error("the mail server is away", { cause }),
  );
  await Promise.all(
    unanswered.map(({ mail, reason }) =>
      away ? putBack(db, mail) : refuse(outbound, mail, { kind: "refused", forGood: false, reason }),
    ),
  );
  if (away) throw away;
  return true;
}

async function attempt(smtp: Smtp, mail: StoredMail): Promise<Delivery> {
  if (mail.attempts <= MOST_ATTEMPTS) return smtp.deliver(mail);
  return { kind: "refused", forGood: true, reason: mail.last_error ?? "no attempt came to an end" };
}

async function refuse(
  { db, log, retryMs }: Outbound,
  mail: StoredMail,
  { forGood, reason }: Delivery & { kind: "refused" },
): Promise<void> {
  if (!forGood && mail.attempts < MOST_ATTEMPTS) {
    await tryLater(db, mail, retryMs * 2 ** (mail.attempts - 1), reason);
    return;
  }
  await giveUp(db, mail, reason);
  // What the server said is kept with the mail: it may name the recipient, which the log must not.
  log.error({ mail: mail.id, event: mail.event_id, attempts: mail.attempts }, "a mail was given up");
}
