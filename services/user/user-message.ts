import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { StoredAddress } from "./addresses.ts";
import type { StoredProfile } from "./profiles.ts";

/** A profile as its owner sees it. */
export function toProfile(stored: StoredProfile) {
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

/** A user as staff sees one. */
export function toUser(stored: StoredProfile) {
  return {
    ...toProfile(stored),
    customerGroups: stored.customer_groups,
    vatId: stored.vat_id,
    staffNote: stored.staff_note,
    ...(stored.delete_time !== null && { deleteTime: timestampFromDate(stored.delete_time) }),
  };
}

/** An address as it is told. */
export function toSavedAddress(stored: StoredAddress) {
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

/**
 * The version that an etag stands for; undefined when none was sent.
 *
 * @param field the field that holds it
 * @throws SoukError INVALID_REQUEST
 */
export function toVersion(field: string, etag: string): number | undefined {
  if (etag === "") return undefined;
  if (/^[0-9]{1,9}$/.test(etag)) return Number(etag);
  const description = "is not an etag that this service gave";
  throw refuseMesh(MeshReason.INVALID_REQUEST, `${field}: ${description}`, {
    violations: [{ field, description }],
  });
}

/**
 * The change that an update mask asks for.
 *
 * @param paths the paths of the mask
 * @param changes what the mask may name, and the change that it stands for
 * @param wanted the new values
 * @throws SoukError INVALID_REQUEST
 */
export function toChange<M, C extends object>(
  paths: readonly string[],
  changes: Readonly<Record<string, (wanted: M) => C>>,
  wanted: M,
): C {
  return Object.assign({}, ...paths.map((path) => (changes[path] ?? unknownPath(path, changes))(wanted)));
}

function unknownPath(path: string, changes: object): never {
  const description = `names ${path}; it may name ${Object.keys(changes).join(", ")}`;
  throw refuseMesh(MeshReason.INVALID_REQUEST, `update_mask: ${description}`, {
    violations: [{ field: "update_mask", description }],
  });
}
