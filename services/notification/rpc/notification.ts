import { type Timestamp, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import type { Changes } from "#kit/data/changes.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import { requireUser } from "#kit/principal.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import type { NotificationDatabase } from "../database.ts";
import {
  countUnread,
  listNotifications,
  markAllRead,
  markRead,
  type StoredNotification,
} from "../notifications.ts";
import { getPreferences, type Preferences, updatePreferences } from "../preference/preferences.ts";
import { watchNotifications } from "../watch-notifications.ts";

const DEFAULT_PAGE_SIZE = 20;

/** Serves what users call of souk.notification.v1.NotificationService. */
export function notificationRpc(db: NotificationDatabase, changes: Changes) {
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

    async *watchMyNotifications({ afterId }, call) {
      const { id: userId } = requireUser(call);
      for await (const told of watchNotifications(db, changes, call, userId, afterId)) {
        yield { notification: toNotification(told), unread: told.unread };
      }
    },

    async getMyUnreadCount(_, call) {
      return { unread: await countUnread(db, requireUser(call).id) };
    },

    async markAllNotificationsRead({ untilTime }, call) {
      const { seconds, nanos } = untilTime as Timestamp;
      // Rounded down, as times that callers are told are.
      const until = new Date(Number(seconds) * 1_000 + Math.floor(nanos / 1e6));
      return { marked: await markAllRead(db, requireUser(call).id, until) };
    },

    async getMyPreferences(_, call) {
      return toPreferences(await getPreferences(db, requireUser(call).id));
    },

    async updateMyPreferences({ preferences, etag }, call) {
      const { id: userId } = requireUser(call);
      return toPreferences(await updatePreferences(db, call, userId, preferences, etag));
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

function toPreferences({ wishes, etag }: Preferences) {
  return { preferences: [...wishes], etag };
}
