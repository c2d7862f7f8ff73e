import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import { requireUser } from "#kit/principal.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import type { NotificationDatabase } from "../database.ts";
import { listNotifications, markRead, type StoredNotification } from "../notifications.ts";

const DEFAULT_PAGE_SIZE = 20;

/** Serves souk.notification.v1.NotificationService. */
export function notificationRpc(db: NotificationDatabase) {
  return {
    async listMyNotifications({ pageSize, pageToken }, call) {
      const { id: userId } = requireUser(call);
      const size = pageSize || DEFAULT_PAGE_SIZE;
      const list = `${call.method} ${userId}`;
      const [before] = decodePageToken(list, pageToken, [UUID]);
      // One more than asked for shows whether there is a next page.
      const found = await listNotifications(db, userId, before, size + 1);
      const page = found.slice(0, size);
      const last = page.at(-1);
      return {
        notifications: page.map(toNotification),
        nextPageToken: found.length > size && last !== undefined ? encodePageToken(list, [last.id]) : "",
      };
    },

    async markNotificationsRead({ ids }, call) {
      await markRead(db, requireUser(call).id, ids);
      return {};
    },
  } satisfies Partial<Implementation<typeof NotificationService>>;
}

function toNotification({ id, topic, title, body, subject_id, create_time, read_time }: StoredNotification) {
  return {
    id,
    topic,
    title,
    body,
    subjectId: subject_id,
    createTime: timestampFromDate(create_time),
    ...(read_time !== null && { readTime: timestampFromDate(read_time) }),
  };
}
