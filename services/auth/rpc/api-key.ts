import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ApiKeyService } from "#gen/souk/auth/v1/api_key_pb.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import { requireUser } from "#kit/principal.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { createApiKey, exchangeApiKey, listApiKeys, revokeApiKey, type StoredApiKey } from "../api-keys.ts";
import type { AuthContext } from "../context.ts";

const DEFAULT_PAGE_SIZE = 20;

/** Serves souk.auth.v1.ApiKeyService. */
export function apiKeyRpc(auth: AuthContext): Implementation<typeof ApiKeyService> {
  return {
    async createApiKey({ displayName, scopes, expireTime }, call) {
      const wanted = { displayName, scopes, expireTime: expireTime && timestampDate(expireTime) };
      const { stored, apiKey } = await createApiKey(auth, call, requireUser(call).id, wanted);
      return { key: toApiKey(stored), apiKey };
    },

    async listApiKeys({ pageSize, pageToken }, call) {
      const { id: accountId } = requireUser(call);
      const size = pageSize || DEFAULT_PAGE_SIZE;
      const list = `${call.method} ${accountId}`;
      const [before] = decodePageToken(list, pageToken, [UUID]);
      // One more than asked for shows whether there is a next page.
      const found = await listApiKeys(auth.db, accountId, before, size + 1);
      const page = found.slice(0, size);
      const last = page.at(-1);
      return {
        keys: page.map(toApiKey),
        nextPageToken: found.length > size && last !== undefined ? encodePageToken(list, [last.id]) : "",
      };
    },

    async revokeApiKey({ id }, call) {
      await revokeApiKey(auth, call, requireUser(call).id, id);
      return {};
    },

    exchangeApiKey: ({ apiKey }, call) => exchangeApiKey(auth, call, apiKey),
  };
}

function toApiKey(stored: StoredApiKey) {
  const { id, display_name, prefix, scopes, create_time, expire_time, last_use_time, revoke_time } = stored;
  return {
    id,
    displayName: display_name,
    prefix,
    scopes,
    createTime: timestampFromDate(create_time),
    ...(expire_time !== null && { expireTime: timestampFromDate(expire_time) }),
    ...(last_use_time !== null && { lastUseTime: timestampFromDate(last_use_time) }),
    ...(revoke_time !== null && { revokeTime: timestampFromDate(revoke_time) }),
  };
}
