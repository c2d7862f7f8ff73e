import { sql } from "kysely";
import { CustomerGroupsChangedSchema, ProfileChangedSchema } from "#gen/souk/user/v1/events_pb.ts";
import { plannedEachTime } from "#kit/data/planned-each-time.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import { listAddresses, type StoredAddress } from "./addresses.ts";
import type { UserDatabase } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import type { StoredProfile } from "./profiles.ts";

/** Which users are listed. */
export interface UserFilter {
  /** What the e-mail address or the name begins with; "" for any. */
  readonly query: string;
  /** The group that they are in; "" for any. */
  readonly customerGroup: string;
  /** Those older than the one with this id. */
  readonly before: string | undefined;
  /** How many at most. */
  readonly limit: number;
}

/** What of a user staff may change. */
export type UserChange = Partial<
  Pick<StoredProfile, "first_name" | "last_name" | "locale" | "customer_groups" | "vat_id" | "staff_note">
>;

/** Users, newest first. */
export function listUsers(
  db: UserDatabase,
  { query, customerGroup, before, limit }: UserFilter,
): Promise<StoredProfile[]> {
  const begins = `${query.trim().replace(/[\\%_]/g, "\\$&")}%`;
  // The database makes small letters of both, for it makes others of some than JavaScript does.
  const lower = sql<string>`lower(${begins})`;
  // Ids are made in the order of time.
  return db.sql
    .selectFrom("profile")
    .modifyFront(plannedEachTime)
    .selectAll()
    .$if(begins !== "%", (select) =>
      select.where((it) =>
        it.or([
          it(sql`lower(email)`, "like", lower),
          it(sql`lower(first_name || ' ' || last_name)`, "like", lower),
          it(sql`lower(last_name)`, "like", lower),
        ]),
      ),
    )
    .$if(customerGroup !== "", (select) =>
      select.where(sql<boolean>`customer_groups @> array[${customerGroup}]`),
    )
    .$if(before !== undefined, (select) => select.where("id", "<", before as string))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}

/**
 * A user with the address book; of one who was deleted the id and the times are left.
 *
 * @throws SoukError USER_NOT_FOUND
 */
export async function getUser(
  db: UserDatabase,
  id: string,
): Promise<{ readonly user: StoredProfile; readonly addresses: readonly StoredAddress[] }> {
  const [user, addresses] = await Promise.all([
    db.sql.selectFrom("profile").selectAll().where("id", "=", id).executeTakeFirst(),
    listAddresses(db, id),
  ]);
  if (user === undefined) throw userNotFound(id);
  return { user, addresses };
}

/**
 * Changes a user.
 *
 * @param version the version that the caller read; a newer one refuses the change. Undefined takes any
 * @throws SoukError ETAG_MISMATCH, or USER_NOT_FOUND also when the user was deleted
 */
export function updateUser(
  db: UserDatabase,
  scope: Scope,
  id: string,
  change: UserChange,
  version: number | undefined,
): Promise<StoredProfile> {
  return db.write(scope, async (tx) => {
    const found = await tx.sql
      .selectFrom("profile")
      .select(["version", "customer_groups"])
      .where("id", "=", id)
      .where("delete_time", "is", null)
      .forUpdate()
      .executeTakeFirst();
    if (found === undefined) throw userNotFound(id);
    if (version !== undefined && version !== found.version) {
      throw refuseMesh(
        MeshReason.ETAG_MISMATCH,
        "the user was changed meanwhile; read it and change it again",
      );
    }
    const changed = await tx.sql
      .updateTable("profile")
      .set({ ...change, version: sql<number>`version + 1` })
      .where("id", "=", id)
      .returningAll()
      .executeTakeFirstOrThrow();
    tx.emit(ProfileChangedSchema, { userId: changed.id });
    if (!sameGroups(found.customer_groups, changed.customer_groups)) {
      tx.emit(CustomerGroupsChangedSchema, { userId: changed.id, customerGroups: changed.customer_groups });
    }
    return changed;
  });
}

function sameGroups(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((group) => others.includes(group));
}

function userNotFound(id: string) {
  return refuse(ErrorReason.USER_NOT_FOUND, `there is no user ${id}; list the users to see which there are`);
}
