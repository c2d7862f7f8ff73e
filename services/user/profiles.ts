import { sql } from "kysely";
import type { AccountRegistered } from "#gen/souk/auth/v1/events_pb.ts";
import { ProfileChangedSchema } from "#gen/souk/user/v1/events_pb.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import type { UserDatabase, UserTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";

/** A profile as it is stored. */
export interface StoredProfile {
  readonly id: string;
  readonly email: string;
  readonly first_name: string;
  readonly last_name: string;
  readonly locale: string;
  readonly version: number;
  readonly create_time: Date;
}

/** What of a profile its owner may change. */
export type ProfileChange = Partial<Pick<StoredProfile, "first_name" | "last_name" | "locale">>;

/** When to ask again for a profile that is still being made, in ms. */
const PENDING_RETRY_MS = 200;

/**
 * Makes the profile of a new account.
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
 * @throws SoukError PROFILE_PENDING while the registration is still on its way here
 */
export async function getProfile(db: UserDatabase, userId: string): Promise<StoredProfile> {
  const profile = await db.sql.selectFrom("profile").selectAll().where("id", "=", userId).executeTakeFirst();
  return profile ?? pending();
}

/**
 * Changes a profile.
 *
 * @param version the version that the caller read; a newer one refuses the change. Undefined takes any
 * @throws SoukError ETAG_MISMATCH or PROFILE_PENDING
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
      .$if(version !== undefined, (query) => query.where("version", "=", version as number))
      .returningAll()
      .executeTakeFirst();
    if (changed !== undefined) {
      tx.emit(ProfileChangedSchema, { userId });
      return changed;
    }
    const known = await tx.sql.selectFrom("profile").select("id").where("id", "=", userId).executeTakeFirst();
    if (known === undefined) return pending();
    throw refuseMesh(
      MeshReason.ETAG_MISMATCH,
      "the profile was changed meanwhile; read it and change it again",
    );
  });
}

function pending(): never {
  throw refuse(ErrorReason.PROFILE_PENDING, "the profile of this account is still being made", {
    retryAfterMs: PENDING_RETRY_MS,
  });
}
