import { type Selectable, sql } from "kysely";
import type { AccountRegistered } from "#gen/souk/auth/v1/events_pb.ts";
import { ProfileChangedSchema } from "#gen/souk/user/v1/events_pb.ts";
import type { Tables } from "#kit/data/tables.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import type { UserDatabase, UserTransaction } from "./database.ts";
import type { entities } from "./entities.ts";
import { ErrorReason, refuse } from "./errors.ts";

/** A profile as it is stored. */
export type StoredProfile = Selectable<Tables<typeof entities>["profile"]>;

/** What of a profile its owner may change. */
export type ProfileChange = Partial<Pick<StoredProfile, "first_name" | "last_name" | "locale">>;

/** When to ask again for a profile that is still being made, in ms. */
const PENDING_RETRY_MS = 200;

/**
 * Makes the profile of a new account; that of a user who was deleted since stays as it is.
 *
 * @param account what auth told of it
 * @param tx the transaction of the event
 */
export async function createProfile(account: AccountRegistered, tx: UserTransaction): Promise<void> {
  await tx.sql
    .insertInto("profile")
    .values({
      id: account.accountId,
      email: account.email,
      first_name: account.firstName,
      last_name: account.lastName,
    })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .execute();
}

/**
 * The profile of a user.
 *
 * @throws SoukError PROFILE_PENDING while the registration is still on its way here, or USER_NOT_FOUND once the user
 *   was deleted
 */
export async function getProfile(db: UserDatabase, userId: string): Promise<StoredProfile> {
  const profile = await db.sql.selectFrom("profile").selectAll().where("id", "=", userId).executeTakeFirst();
  if (profile === undefined) throw pending();
  if (profile.delete_time !== null) throw userDeleted();
  return profile;
}

/**
 * Changes a profile.
 *
 * @param version the version that the caller read; a newer one refuses the change. Undefined takes any
 * @throws SoukError ETAG_MISMATCH, PROFILE_PENDING or USER_NOT_FOUND
 */
export async function updateProfile(
  db: UserDatabase,
  scope: Scope,
  userId: string,
  change: ProfileChange,
  version: number | undefined,
): Promise<StoredProfile> {
  return db.write(scope, async (tx) => {
    const changed = await tx.sql
      .updateTable("profile")
      .set({ ...change, version: sql<number>`version + 1` })
      .where("id", "=", userId)
      .where("delete_time", "is", null)
      .$if(version !== undefined, (query) => query.where("version", "=", version as number))
      .returningAll()
      .executeTakeFirst();
    if (changed !== undefined) {
      tx.emit(ProfileChangedSchema, { userId });
      return changed;
    }
    const known = await tx.sql
      .selectFrom("profile")
      .select("delete_time")
      .where("id", "=", userId)
      .executeTakeFirst();
    if (known === undefined) throw pending();
    if (known.delete_time !== null) throw userDeleted();
    throw refuseMesh(
      MeshReason.ETAG_MISMATCH,
      "the profile was changed meanwhile; read it and change it again",
    );
  });
}

/** Refuses what is done for a user who was deleted, while the access token is still good. */
export function userDeleted() {
  return refuse(ErrorReason.USER_NOT_FOUND, "this user was deleted; register anew");
}

/** Refuses what needs a profile that is not here yet. */
export function pending() {
  return refuse(ErrorReason.PROFILE_PENDING, "the profile of this account is still being made", {
    retryAfterMs: PENDING_RETRY_MS,
  });
}
