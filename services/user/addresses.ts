import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import type { Address } from "#gen/souk/mesh/v1/address_pb.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import type { UserDatabase, UserTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { userDeleted } from "./profiles.ts";

/** How many addresses a user may keep. */
const ADDRESS_BOOK_SIZE = 50;

/** An address as it is stored. */
export interface StoredAddress {
  readonly id: string;
  readonly is_default: boolean;
  readonly name: string;
  readonly line1: string;
  readonly line2: string;
  readonly city: string;
  readonly region: string;
  readonly postal_code: string;
  readonly country_code: string;
  readonly phone: string;
  readonly version: number;
}

/** The addresses of a user, the default one first. */
export async function listAddresses(db: UserDatabase, userId: string): Promise<StoredAddress[]> {
  return db.sql
    .selectFrom("saved_address")
    .selectAll()
    .where("user_id", "=", userId)
    .orderBy("is_default", "desc")
    .orderBy("id")
    .limit(ADDRESS_BOOK_SIZE)
    .execute();
}

/**
 * Adds an address to a user's book; the first one becomes the default. A transaction holds the
 * answer under the call's idempotency key, so the caller makes the answer.
 *
 * @param answer makes the answer of the stored address
 * @throws SoukError ADDRESS_BOOK_FULL, or USER_NOT_FOUND once the user was deleted
 */
export function createAddress<R>(
  db: UserDatabase,
  scope: Scope,
  userId: string,
  address: Address,
  makeDefault: boolean,
  answer: (stored: StoredAddress) => R,
): Promise<R> {
  return db.write(scope, async (tx) => {
    await lockBook(tx, userId);
    const { count, deleted } = await tx.sql
      .selectFrom("saved_address")
      .select((it) => [
        it.fn.countAll<bigint>().as("count"),
        sql<boolean>`exists (select from profile where id = ${userId} and delete_time is not null)`.as(
          "deleted",
        ),
      ])
      .where("user_id", "=", userId)
      .executeTakeFirstOrThrow();
    if (deleted) throw userDeleted();
    if (count >= ADDRESS_BOOK_SIZE) {
      throw refuse(
        ErrorReason.ADDRESS_BOOK_FULL,
        `the address book holds ${ADDRESS_BOOK_SIZE} addresses; remove one first`,
      );
    }
    if (makeDefault) await clearDefault(tx, userId);
    const stored = await tx.sql
      .insertInto("saved_address")
      .values({ id: uuidv7(), user_id: userId, is_default: makeDefault || count === 0n, ...columns(address) })
      .returningAll()
      .executeTakeFirstOrThrow();
    return answer(stored);
  });
}

/**
 * Replaces an address.
 *
 * @param version the version that the caller read; a newer one refuses the change. Undefined takes any
 * @throws SoukError ADDRESS_NOT_FOUND or ETAG_MISMATCH
 */
export async function updateAddress(
  db: UserDatabase,
  scope: Scope,
  userId: string,
  id: string,
  address: Address,
  makeDefault: boolean,
  version: number | undefined,
): Promise<StoredAddress> {
  return db.write(scope, async (tx) => {
    await lockBook(tx, userId);
    const found = await tx.sql
      .selectFrom("saved_address")
      .select(["version", "is_default"])
      .where("id", "=", id)
      .where("user_id", "=", userId)
      .executeTakeFirst();
    if (found === undefined) {
      throw refuse(
        ErrorReason.ADDRESS_NOT_FOUND,
        `there is no address ${id}; list the addresses to see which are`,
      );
    }
    if (version !== undefined && version !== found.version) {
      throw refuseMesh(
        MeshReason.ETAG_MISMATCH,
        "the address was changed meanwhile; read it and change it again",
      );
    }
    if (makeDefault) await clearDefault(tx, userId);
    return tx.sql
      .updateTable("saved_address")
      .set({
        ...columns(address),
        is_default: makeDefault || found.is_default,
        version: sql<number>`version + 1`,
      })
      .where("id", "=", id)
      .returningAll()
      .executeTakeFirstOrThrow();
  });
}

/** Removes an address; one that is not there is no error. */
export async function deleteAddress(
  db: UserDatabase,
  scope: Scope,
  userId: string,
  id: string,
): Promise<void> {
  await db.write(scope, async (tx) => {
    await tx.sql.deleteFrom("saved_address").where("id", "=", id).where("user_id", "=", userId).execute();
  });
}

/** Changes to one book happen one after the other: its size and its one default depend on all of it. */
export async function lockBook(tx: UserTransaction, userId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${userId}, 0))`.execute(tx.sql);
}

async function clearDefault(tx: UserTransaction, userId: string): Promise<void> {
  await tx.sql
    .updateTable("saved_address")
    .set({ is_default: false })
    .where("user_id", "=", userId)
    .where("is_default", "=", true)
    .execute();
}

function columns({ name, line1, line2, city, region, postalCode, countryCode, phone }: Address) {
  return { name, line1, line2, city, region, postal_code: postalCode, country_code: countryCode, phone };
}
