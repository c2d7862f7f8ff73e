import { durationFromMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import type { UpdateWebhookEndpointRequest } from "#gen/souk/notification/v1/webhook_pb.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import {
  createEndpoint,
  deleteEndpoint,
  type EndpointFields,
  listEndpoints,
  rotateSecret,
  type ShownEndpoint,
  updateEndpoint,
} from "../webhook/endpoints.ts";
import { testEndpoint } from "../webhook/test-endpoint.ts";
import type { Webhooks } from "../webhook/webhooks.ts";

const DEFAULT_PAGE_SIZE = 20;

/**
 * Serves the webhooks of souk.notification.v1.NotificationService.
 *
 * @param settle has what happens from then on kept for the endpoints as they are now
 */
export function webhookRpc(webhooks: Webhooks, settle: () => Promise<void>) {
  return {
    async createWebhookEndpoint({ url, description, events }, call) {
      const { endpoint, secret } = await createEndpoint(webhooks, call, { url, description, events });
      await settle();
      return { endpoint: toEndpoint(endpoint), secret };
    },

    async listWebhookEndpoints({ pageSize, pageToken }, { method }) {
      const size = pageSize || DEFAULT_PAGE_SIZE;
      const list = `${method}`;
      const [before] = decodePageToken(list, pageToken, [UUID]);
      // One more than asked for shows whether there is a next page.
      const found = await listEndpoints(webhooks.db, before, size + 1);
      const page = found.slice(0, size);
      const last = page.at(-1);
      return {
        endpoints: page.map(toEndpoint),
        nextPageToken: found.length > size && last !== undefined ? encodePageToken(list, [last.id]) : "",
      };
    },

    async updateWebhookEndpoint(request, call) {
      const fields = toFields(request);
      const endpoint = await updateEndpoint(webhooks, call, request.id.toLowerCase(), fields, request.etag);
      await settle();
      return { endpoint: toEndpoint(endpoint) };
    },

    async deleteWebhookEndpoint({ id }, call) {
      await deleteEndpoint(webhooks, call, id.toLowerCase());
      await settle();
      return {};
    },

    async rotateWebhookSecret({ id }, call) {
      const { secret, previousExpireTime } = await rotateSecret(webhooks, call, id.toLowerCase());
      return { secret, previousExpireTime: timestampFromDate(previousExpireTime) };
    },

    async testWebhookEndpoint({ id }, call) {
      const { startTime, durationMs, statusCode, error } = await testEndpoint(
        webhooks,
        call,
        id.toLowerCase(),
      );
      const createTime = timestampFromDate(startTime);
      return { attempt: { createTime, statusCode, error, duration: durationFromMs(Math.round(durationMs)) } };
    },
  } satisfies Partial<Implementation<typeof NotificationService>>;
}

function toEndpoint({ id, url, description, events, enabled, failing, version, create_time }: ShownEndpoint) {
  return {
    id,
    url,
    description,
    events,
    enabled,
    failing,
    etag: String(version),
    createTime: timestampFromDate(create_time),
  };
}

/** The fields that the mask of a request names. */
function toFields({ updateMask, ...request }: UpdateWebhookEndpointRequest): Partial<EndpointFields> {
  const { url, description, events, enabled } = request;
  const wanted: Readonly<Record<string, Partial<EndpointFields>>> = {
    url: { url },
    description: { description },
    events: { events },
    enabled: { enabled },
  };
  return Object.assign({}, ...(updateMask?.paths ?? []).map((path) => wanted[path] ?? unknownPath(path)));
}

function unknownPath(path: string): never {
  const description = `names ${path}; it may name url, description, events and enabled`;
  throw refuseMesh(MeshReason.INVALID_REQUEST, `update_mask: ${description}`, {
    violations: [{ field: "update_mask", description }],
  });
}
