import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { decodePageToken, encodePageToken, NUMBER } from "#kit/data/page-token.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import type { NotificationDatabase } from "../database.ts";
import type { Shop } from "../templates/message.ts";
import { CHANNELS, placeOf } from "../wording/catalogue.ts";
import {
  type EditedTemplate,
  etagOf,
  flawsOf,
  getTemplate,
  listTemplates,
  previewTemplate,
  resetTemplate,
  textOf,
  updateTemplate,
} from "../wording/edit-template.ts";

const DEFAULT_PAGE_SIZE = 20;
/** The parts of a template's place that are names. */
const TOPIC = /^[a-z-]{1,50}$/;
const LOCALE = /^[A-Za-z0-9-]{1,35}$/;

/** Serves what staff calls of souk.notification.v1.NotificationService to word what users are told. */
export function templateRpc(db: NotificationDatabase, shop: Shop) {
  return {
    async listTemplates({ topic, locale, pageSize, pageToken }, { method }) {
      const size = pageSize || DEFAULT_PAGE_SIZE;
      const list = `${method} ${JSON.stringify([topic, locale])}`;
      const after = decodePageToken(list, pageToken, [TOPIC, NUMBER, LOCALE]);
      // One more than asked for shows whether there is a next page.
      const found = await listTemplates(db, {
        topic,
        locale,
        after: after.length === 0 ? undefined : after,
        limit: size + 1,
      });
      const page = found.slice(0, size);
      const last = page.at(-1);
      return {
        templates: page.map(toTemplate),
        nextPageToken:
          found.length > size && last !== undefined ? encodePageToken(list, placeOf(last.own)) : "",
      };
    },

    async getTemplate({ id }) {
      return { template: toTemplate(await getTemplate(db, id)) };
    },

    async updateTemplate({ id, subject, body, etag }, call) {
      return { template: toTemplate(await updateTemplate(db, call, id, { subject, body }, etag)) };
    },

    async resetTemplate({ id }, call) {
      return { template: toTemplate(await resetTemplate(db, call, id)) };
    },

    previewTemplate({ id, subject, body }) {
      return previewTemplate(db, shop, id, { subject, body });
    },
  } satisfies Partial<Implementation<typeof NotificationService>>;
}

function toTemplate(edited: EditedTemplate) {
  const { own, customized } = edited;
  return {
    id: own.id,
    topic: own.topic,
    channel: CHANNELS[own.way],
    locale: own.locale,
    ...textOf(edited),
    placeholders: Object.keys(own.placeholders),
    customized: customized !== undefined,
    etag: etagOf(edited),
    ...(customized !== undefined && { updateTime: timestampFromDate(customized.update_time) }),
    flaws: flawsOf(edited).map(({ field, description }) => `${field}: ${description}`),
  };
}
