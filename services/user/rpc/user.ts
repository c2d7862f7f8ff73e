import { create } from "@bufbuild/protobuf";
import type { Address } from "#gen/souk/mesh/v1/address_pb.ts";
import { CreateMyAddressResponseSchema, type Profile, type UserService } from "#gen/souk/user/v1/user_pb.ts";
import { requireUser } from "#kit/principal.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { createAddress, deleteAddress, listAddresses, updateAddress } from "../addresses.ts";
import type { UserDatabase } from "../database.ts";
import { deleteMe } from "../delete-me.ts";
import { exportMyData } from "../export/export-my-data.ts";
import { getProfile, type ProfileChange, updateProfile } from "../profiles.ts";
import { toChange, toProfile, toSavedAddress, toVersion } from "../user-message.ts";

/** Serves what users call of souk.user.v1.UserService. */
export function userRpc(db: UserDatabase) {
  return {
    getMe: async (_, call) => ({ profile: toProfile(await getProfile(db, requireUser(call).id)) }),

    async updateMe({ profile, updateMask }, call) {
      const change = toChange(updateMask?.paths ?? [], CHANGES, profile as Profile);
      const version = toVersion("profile.etag", profile?.etag ?? "");
      return { profile: toProfile(await updateProfile(db, call, requireUser(call).id, change, version)) };
    },

    async listMyAddresses(_, call) {
      return { addresses: (await listAddresses(db, requireUser(call).id)).map(toSavedAddress) };
    },

    createMyAddress({ address, default: makeDefault }, call) {
      return createAddress(db, call, requireUser(call).id, address as Address, makeDefault, (stored) =>
        create(CreateMyAddressResponseSchema, { address: toSavedAddress(stored) }),
      );
    },

    async updateMyAddress({ id, address, default: makeDefault, etag }, call) {
      const { id: userId } = requireUser(call);
      const version = toVersion("etag", etag);
      const stored = await updateAddress(db, call, userId, id, address as Address, makeDefault, version);
      return { address: toSavedAddress(stored) };
    },

    async deleteMyAddress({ id }, call) {
      await deleteAddress(db, call, requireUser(call).id, id);
      return {};
    },

    async *exportMyData(_, call) {
      for await (const chunk of exportMyData(db, call, requireUser(call).id)) yield { chunk };
    },

    async deleteMe(farewell, call) {
      await deleteMe(db, call, requireUser(call), farewell);
      return {};
    },
  } satisfies Partial<Implementation<typeof UserService>>;
}

/** What an update mask may name, and the change that it stands for. */
const CHANGES: Readonly<Record<string, (profile: Profile) => ProfileChange>> = {
  first_name: ({ firstName }) => ({ first_name: firstName }),
  last_name: ({ lastName }) => ({ last_name: lastName }),
  locale: ({ locale }) => ({ locale }),
};
