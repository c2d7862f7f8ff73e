import type { Logger } from "pino";
import type { NotificationDatabase } from "../database.ts";
import type { Attempt } from "../entities.ts";
import type { Channel, Outcome } from "./channel.ts";
import { giveUp, markDelivered, putBack, type StoredDelivery, takeDue, tryLater } from "./delivery-queue.ts";

/** What deliveries are sent with. */
export interface Outbound {
  readonly db: NotificationDatabase;
  readonly channel: Channel;
  readonly log: Logger;
}

/** An attempt that came to an end. */
interface Tried {
  readonly delivery: StoredDelivery;
  readonly outcome: Outcome;
  readonly startTime: Date;
  readonly ms: number;
}

/** So many times as long as one delivery takes, nobody else takes those of a batch for lost. */
const LEASES = 4;

/**
 * Sends deliveries of a channel that are due, at most as many as it hands over at a time.
 *
 * A delivery is noted as delivered after it was taken. Where the process dies in between, it goes out again when its
 * lease ends: neither SMTP nor HTTP has a way to ask whether the receiver has this one already. What identifies it
 * stays the same, so that receivers can drop the second one.
 *
 * @returns whether there may be more to send
 * @throws Error when the channel's server or the database is away: then the deliveries wait as they are
 */
export async function sendDue(outbound: Outbound): Promise<boolean> {
  const { db, channel } = outbound;
  const taken = await takeDue(db, channel, channel.atOnce, LEASES * channel.deliverMs);
  const unanswered: Tried[] = [];
  const ends = await Promise.allSettled(
    taken.map(async (delivery) => {
      if (triesOf(delivery) > channel.mostAttempts) return abandon(outbound, delivery);
      const tried = await attempt(channel, delivery);
      if (tried.outcome.kind === "unanswered" && channel.check !== undefined) unanswered.push(tried);
      else await settle(outbound, tried);
    }),
  );
  if (unanswered.length > 0) await settleUnanswered(outbound, unanswered);
  // Those beside one that failed have come to their end.
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return unanswered.length > 0 || taken.length >= channel.fullAt;
}

/** @throws Error when the channel's server is away */
async function settleUnanswered(outbound: Outbound, unanswered: readonly Tried[]): Promise<void> {
  const { db, channel } = outbound;
  // A server that answers others, but breaks off at a delivery, has something against the delivery.
  const away = await channel.check?.().then(
    () => undefined,
    (cause: unknown) => new Error(`the server of channel ${channel.name} is away`, { cause }),
  );
  await Promise.all(
    unanswered.map((tried) => (away ? putBack(db, tried.delivery, 0) : settle(outbound, tried))),
  );
  if (away) throw away;
}

async function attempt(channel: Channel, delivery: StoredDelivery): Promise<Tried> {
  const startTime = new Date();
  const start = performance.now();
  const outcome = await channel.deliver(delivery);
  return { delivery, outcome, startTime, ms: Math.round(performance.now() - start) };
}

async function settle(outbound: Outbound, { delivery, outcome, startTime, ms }: Tried): Promise<void> {
  const { db, channel } = outbound;
  if (outcome.kind === "spared") return putBack(db, delivery, outcome.retryAfterMs);
  const error = outcome.kind === "taken" ? "" : outcome.reason;
  const statusCode = outcome.kind === "unanswered" ? 0 : outcome.statusCode;
  const attempt: Attempt = { time: startTime.toISOString(), statusCode, error, ms };
  if (outcome.kind === "taken") return markDelivered(db, delivery, attempt);
  const { forGood, retryAfterMs = 0 } = outcome.kind === "refused" ? outcome : { forGood: false };
  const tries = triesOf(delivery);
  if (forGood || tries >= channel.mostAttempts) return abandon(outbound, delivery, attempt);
  const delayMs = Math.min(channel.retryMs * 2 ** (tries - 1), channel.longestRetryMs);
  return tryLater(db, delivery, Math.max(delayMs, retryAfterMs), attempt);
}

async function abandon({ db, log }: Outbound, delivery: StoredDelivery, attempt?: Attempt): Promise<void> {
  const reason = attempt?.error ?? delivery.last_error ?? "no attempt came to an end";
  await giveUp(db, delivery, reason, attempt);
  const { id, channel, event_id: event, attempts } = delivery;
  // What the receiver said is kept with the delivery: it may name the recipient, which the log must not.
  log.error({ delivery: id, channel, event, attempts }, "a delivery was given up");
}

/** How often it was tried since it was made, or was put back after it had been given up. */
function triesOf({ attempts, attempts_before }: StoredDelivery): number {
  return attempts - attempts_before;
}
