import { sql } from "kysely";
import type { Channel } from "../delivery/channel.ts";
import { callEndpoint } from "./call-endpoint.ts";
import type { Webhooks } from "./webhooks.ts";

/** How many calls are made at a time, and how many of them to one endpoint. */
const AT_ONCE = 10;
const SHARE = 3;
/** Longer than the call itself, in ms: it is looked who is called first. */
const MARGIN_MS = 2_000;
/** With half a minute before the second attempt, the last one is after 25 hours. */
const MOST_ATTEMPTS = 13;
const LONGEST_RETRY_MS = 8 * 3_600_000;
const POLL_MS = 1_000;

/**
 * The channel of calls to webhook endpoints. An endpoint that is spared, because it goes on failing, takes nobody's place.
 *
 * @param webhooks what they are called with
 * @param retryMs how long after the first attempt that failed there is another one, in ms
 */
export function webhookChannel(webhooks: Webhooks, retryMs: number): Channel {
  /** Until when endpoints are spared. */
  const resting = new Map<string, number>();

  function restingNow(): string[] {
    for (const [id, until] of resting) if (until <= performance.now()) resting.delete(id);
    return [...resting.keys()];
  }

  return {
    name: "WEBHOOK",
    atOnce: AT_ONCE,
    fullAt: SHARE,
    batches: 2,
    deliverMs: webhooks.callMs + MARGIN_MS,
    mostAttempts: MOST_ATTEMPTS,
    retryMs,
    longestRetryMs: LONGEST_RETRY_MS,
    pollMs: POLL_MS,
    // Each endpoint that waits is found by one step in the index, however many deliveries it waits for.
    due: (limit) => sql`
      with recursive waiting (endpoint_id) as (
        (select endpoint_id from delivery where channel = 'WEBHOOK' and state = 'PENDING'
          order by endpoint_id limit 1)
        union all
        select (select d.endpoint_id from delivery d where channel = 'WEBHOOK' and state = 'PENDING'
            and d.endpoint_id > waiting.endpoint_id order by d.endpoint_id limit 1)
        from waiting where waiting.endpoint_id is not null)
      select due.id from waiting cross join lateral (
        select id, next_attempt_at from delivery
        where channel = 'WEBHOOK' and state = 'PENDING' and endpoint_id = waiting.endpoint_id
          and next_attempt_at <= now()
        order by next_attempt_at limit ${SHARE} for update skip locked) as due
      where waiting.endpoint_id <> all (${restingNow()}::uuid[])
      order by due.next_attempt_at limit ${limit}`,
    async deliver({ endpoint_id, event_id, content }) {
      const endpointId = endpoint_id as string;
      const message = { id: event_id, body: JSON.stringify(content) };
      const outcome = await callEndpoint(webhooks, endpointId, message);
      if (outcome.kind === "spared") resting.set(endpointId, performance.now() + outcome.retryAfterMs);
      return outcome;
    },
    close() {},
  };
}
