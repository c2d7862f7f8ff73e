import type { UserService } from "#gen/souk/user/v1/user_pb.ts";
import type { User } from "#gen/souk/user/v1/user_staff_pb.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import type { UserDatabase } from "../database.ts";
import { toChange, toSavedAddress, toUser, toVersion } from "../user-message.ts";
import { getUser, listUsers, type UserChange, updateUser } from "../users.ts";

const DEFAULT_PAGE_SIZE = 20;

/** Serves what staff calls of souk.user.v1.UserService. */
export function userStaffRpc(db: UserDatabase) {
  return {
    async listUsers({ query, customerGroup, pageSize, pageToken }, { method }) {
      const size = pageSize || DEFAULT_PAGE_SIZE;
      const list = `${method} ${JSON.stringify([query, customerGroup])}`;
      const [before] = decodePageToken(list, pageToken, [UUID]);
      // One more than asked for shows whether there is a next page.
      const found = await listUsers(db, { query, customerGroup, before, limit: size + 1 });
      const page = found.slice(0, size);
      const last = page.at(-1);
      return {
        users: page.map(toUser),
        nextPageToken: found.length > size && last !== undefined ? encodePageToken(list, [last.id]) : "",
      };
    },

    async getUser({ id }) {
      const { user, addresses } = await getUser(db, id);
      return { user: toUser(user), addresses: addresses.map(toSavedAddress) };
    },

    async updateUser({ user, updateMask }, call) {
      const wanted = user as User;
      const change = toChange(updateMask?.paths ?? [], CHANGES, wanted);
      const version = toVersion("user.etag", wanted.etag);
      return { user: toUser(await updateUser(db, call, wanted.id, change, version)) };
    },
  } satisfies Partial<Implementation<typeof UserService>>;
}

/** What an update mask may name, and the change that it stands for. */
const CHANGES: Readonly<Record<string, (user: User) => UserChange>> = {
  first_name: ({ firstName }) => ({ first_name: firstName }),
  last_name: ({ lastName }) => ({ last_name: lastName }),
  locale: ({ locale }) => ({ locale }),
  customer_groups: ({ customerGroups }) => ({ customer_groups: customerGroups }),
  vat_id: ({ vatId }) => ({ vat_id: vatId }),
  staff_note: ({ staffNote }) => ({ staff_note: staffNote }),
};
