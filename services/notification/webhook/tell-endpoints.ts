import { uuidv7 } from "uuidv7";
import { type Subscription, whileWanted } from "#kit/events/subscription.ts";
import type { Wishes } from "#kit/events/wishes.ts";
import { publicJson } from "#kit/redact.ts";
import type { NotificationTransaction } from "../database.ts";
import { MOST_ENDPOINTS } from "./endpoints.ts";
import { offeredSchemas } from "./offered-events.ts";

/** What a webhook is told of an event, in the form of Standard Webhooks. */
export interface Telling {
  /** The full name of the event's type. */
  readonly type: string;
  /** When it happened, as RFC 3339 writes times. */
  readonly timestamp: string;
  /** The event, without what is secret or personal. */
  readonly data: unknown;
}

/**
 * Has the endpoints that are in use and ask for an event called with it: one delivery for each is stored with the end
 * of the transaction of the event.
 *
 * @param wishes which events some endpoint asks for
 */
export function endpointSubscriptions(wishes: Wishes): Subscription[] {
  return offeredSchemas.map((schema) =>
    whileWanted(schema, wishes, async (event, tx: NotificationTransaction, { eventId, occurTime }) => {
      const { typeName: type } = schema;
      const telling: Telling = { type, timestamp: occurTime.toISOString(), data: publicJson(schema, event) };
      // How many endpoints there are, the statement finds.
      const ids = Array.from({ length: MOST_ENDPOINTS }, uuidv7);
      // Where another replica knows of an endpoint first, its call waits until it is looked for by the clock.
      if (wishes.types?.has(type)) tx.ring("WEBHOOK");
      tx.finishWith(
        (value) => `insert into delivery (id, event_id, channel, endpoint_id, topic, recipient, content)
          select (${value(ids)}::uuid[])[row_number() over (order by id)], ${value(eventId)}::uuid, 'WEBHOOK', id,
            ${value(type)}::text, url, ${value(JSON.stringify(telling))}::jsonb
          from webhook_endpoint where enabled and events @> array[${value(type)}::text]
          on conflict do nothing`,
      );
    }),
  );
}
