import type { DescEnum } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { DeliveryState, DeliveryStateSchema } from "#gen/souk/notification/v1/delivery_pb.ts";
import type { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { Channel, ChannelSchema } from "#gen/souk/notification/v1/preference_pb.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import type { NotificationDatabase } from "../database.ts";
import { getDelivery, listDeliveries, type ShownDelivery } from "../delivery/read-deliveries.ts";
import { retryDelivery } from "../delivery/retry-delivery.ts";
import type { Attempt, ChannelName, DeliveryStateName } from "../entities.ts";

const DEFAULT_PAGE_SIZE = 20;

/** Serves the deliveries of souk.notification.v1.NotificationService. */
export function deliveryRpc(db: NotificationDatabase) {
  return {
    async listDeliveries(
      { state, channel, accountId: userId, webhookEndpointId: endpointId, pageSize, pageToken },
      { method },
    ) {
      const size = pageSize || DEFAULT_PAGE_SIZE;
      const list = `${method} ${JSON.stringify([state, channel, userId, endpointId])}`;
      const [before] = decodePageToken(list, pageToken, [UUID]);
      const found = await listDeliveries(db, {
        state: nameOf(DeliveryStateSchema, state) as DeliveryStateName | undefined,
        channel: nameOf(ChannelSchema, channel) as ChannelName | undefined,
        userId,
        endpointId,
        before,
        // One more than asked for shows whether there is a next page.
        limit: size + 1,
      });
      const page = found.slice(0, size);
      const last = page.at(-1);
      return {
        deliveries: page.map(toDelivery),
        nextPageToken: found.length > size && last !== undefined ? encodePageToken(list, [last.id]) : "",
      };
    },

    async getDelivery({ id }) {
      const { delivery, attempts } = await getDelivery(db, id);
      return { delivery: toDelivery(delivery), attempts: attempts.map(toAttempt) };
    },

    async retryDelivery({ id }, call) {
      return { delivery: toDelivery(await retryDelivery(db, call, id)) };
    },
  } satisfies Partial<Implementation<typeof NotificationService>>;
}

/** The name of a value of an enum; undefined for none in particular. */
function nameOf(schema: DescEnum, value: number): string | undefined {
  return value === 0 ? undefined : schema.value[value]?.localName;
}

function toDelivery(stored: ShownDelivery) {
  const { id, channel, topic, recipient, state, attempts, next_attempt_at, delivery_time } = stored;
  return {
    id,
    channel: Channel[channel],
    topic,
    accountId: stored.user_id ?? "",
    recipient,
    webhookEndpointId: stored.endpoint_id ?? "",
    eventId: stored.event_id,
    state: DeliveryState[state],
    attempts,
    lastError: stored.last_error ?? "",
    createTime: timestampFromDate(stored.create_time),
    ...(state === "PENDING" && { nextAttemptTime: timestampFromDate(next_attempt_at) }),
    ...(delivery_time !== null && { deliveryTime: timestampFromDate(delivery_time) }),
  };
}

function toAttempt({ time, statusCode, error, ms }: Attempt) {
  return {
    createTime: timestampFromDate(new Date(time)),
    statusCode,
    error,
    duration: durationFromMs(ms),
  };
}
