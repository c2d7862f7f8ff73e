import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Address } from "#gen/souk/mesh/v1/address_pb.ts";
import { CreateMyAddressResponseSchema, type Profile, type UserService } from "#gen/souk/user/v1/user_pb.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import { requireUser } from "#kit/principal.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import {
  createAddress,
  deleteAddress,
  listAddresses,
  type StoredAddress,
  updateAddress,
} from "../addresses.ts";
import type { UserDatabase } from "../database.ts";
import { getProfile, type ProfileChange, type StoredProfile, updateProfile } from "../profiles.ts";

/** Serves souk.user.v1.UserService. */
export function userRpc(db: UserDatabase) {
  return {
    getMe: async (_, call) => ({ profile: toProfile(await getProfile(db, requireUser(call).id)) }),

    async updateMe({ profile, updateMask }, call) {
      const change: ProfileChange = {};
      for (const path of updateMask?.paths ?? []) {
        const apply = CHANGES[path];
        if (apply === undefined) throw unknownPath(path);
        Object.assign(change, apply(profile as Profile));
      }
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
  } satisfies Partial<Implementation<typeof UserService>>;
}

/** What an update mask may name, and the change that it stands for. */
const CHANGES: Readonly<Record<string, (profile: Profile) => ProfileChange>> = {
  first_name: ({ firstName }) => ({ first_name: firstName }),
  last_name: ({ lastName }) => ({ last_name: lastName }),
  locale: ({ locale }) => ({ locale }),
};

function unknownPath(path: string) {
  const description = `names ${path}; it may name ${Object.keys(CHANGES).join(", ")}`;
  return refuseMesh(MeshReason.INVALID_REQUEST, `update_mask: ${description}`, {
    violations: [{ field: "update_mask", description }],
  });
}

function toVersion(field: string, etag: string): number | undefined {
  if (etag === "") return undefined;
  if (/^[0-9]{1,9}$/.test(etag)) return Number(etag);
  const description = "is not an etag that this service gave";
  throw refuseMesh(MeshReason.INVALID_REQUEST, `${field}: ${description}`, {
    violations: [{ field, description }],
  });
}

function toProfile(stored: StoredProfile) {
  return {
    id: stored.id,
    email: stored.email,
    firstName: stored.first_name,
    lastName: stored.last_name,
    locale: stored.locale,
    etag: String(stored.version),
    createTime: timestampFromDate(stored.create_time),
  };
}

function toSavedAddress(stored: StoredAddress) {
  const { id, is_default, version, postal_code, country_code, name, line1, line2, city, region, phone } =
    stored;
  const address = {
    name,
    line1,
    line2,
    city,
    region,
    postalCode: postal_code,
    countryCode: country_code,
    phone,
  };
  return { id, address, default: is_default, etag: String(version) };
}
