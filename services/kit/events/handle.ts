import { type DescMessage, fromBinary } from "@bufbuild/protobuf";
import type { Database } from "../data/database.ts";
import type { RootScope } from "../rpc/root-scope.ts";
import { fromHeaders } from "./envelope.ts";
import type { Subscription } from "./subscription.ts";
import type { MsgHdrs } from "@nats-io/transport-node";

/** An event as it comes from a stream. */
export interface IncomingEvent {
  readonly data: Uint8Array;
  readonly headers?: MsgHdrs | undefined;
}

/** How long the handling of one event may take, in ms. */
export const HANDLE_MS = 20_000;

/** An event that no repetition will make better: it is not one, or nobody here heeds it. */
export class UnreadableEvent extends Error {
  override readonly name = "UnreadableEvent";
}

/** Lets an event take effect, once. */
export type HandleEvent = (incoming: IncomingEvent) => Promise<void>;

/**
 * Makes the function through which every event of a service goes, fresh or replayed: the inbox row
 * and the effects are one transaction.
 *
 * @param service whose inbox it is
 * @param subscriptions what is heeded
 * @param db the service's database
 * @param rootScope makes the scope of the work
 */
export function eventHandler(
  service: string,
  subscriptions: readonly Subscription[],
  db: Database,
  rootScope: RootScope,
): HandleEvent {
  const byType = new Map(subscriptions.map((subscription) => [subscription.schema.typeName, subscription]));
  return async (incoming) => {
    const { envelope, subscription, event } = read(incoming, byType);
    const { id, requestId, traceparent, occurTime } = envelope;
    const scope = rootScope({ requestId, timeoutMs: HANDLE_MS, ...(traceparent !== undefined && { traceparent }) });
    await db.write(scope, async (tx) => {
      if (await tx.remember(service, id)) {
        await subscription.handle(event, tx, { eventId: id, occurTime, scope });
      }
    });
  };
}

function read(incoming: IncomingEvent, byType: ReadonlyMap<string, Subscription>) {
  try {
    const envelope = fromHeaders(incoming.headers);
    const subscription = byType.get(envelope.type);
    if (subscription === undefined) throw new Error(`nothing here heeds ${envelope.type}`);
    const schema: DescMessage = subscription.schema;
    return { envelope, subscription, event: fromBinary(schema, incoming.data) };
  } catch (cause) {
    throw new UnreadableEvent(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
