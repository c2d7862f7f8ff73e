import { fromJson, type JsonObject, toJson } from "@bufbuild/protobuf";
import { type Selectable, sql } from "kysely";
import { uuidv7 } from "uuidv7";
import { type Address, AddressSchema } from "#gen/souk/mesh/v1/address_pb.ts";
import { UUID } from "#kit/data/page-token.ts";
import type { Tables } from "#kit/data/tables.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import type { InventoryDatabase, InventorySql, InventoryTransaction } from "./database.ts";
import type { entities } from "./entities.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { ALL_LEVELS } from "./watch-stock.ts";

/** A location as it is stored. */
export type StoredLocation = Selectable<Tables<typeof entities>["location"]>;

/** What can be said of a location. */
export interface LocationFields {
  readonly displayName: string;
  readonly address: Address | undefined;
  /** The higher, the sooner it is taken from. */
  readonly priority: number;
  readonly ships: boolean;
  readonly pickUp: boolean;
  readonly active: boolean;
}

/** How many locations a shop has at most. */
const MOST_LOCATIONS = 200;

/**
 * The locations, the one with the highest priority first.
 *
 * @param db where to read
 */
export async function listLocations(db: InventorySql): Promise<StoredLocation[]> {
  return db
    .selectFrom("location")
    .selectAll()
    .orderBy("priority", "desc")
    .orderBy("id")
    .limit(MOST_LOCATIONS)
    .execute();
}

/**
 * Makes a location. The transaction keeps the answer under the call's idempotency key, so the caller makes the answer.
 *
 * @param db inventory's database
 * @param scope the call
 * @param fields what it is
 * @param answer makes the answer of the location as stored
 * @throws SoukError TOO_MANY_LOCATIONS
 */
export function createLocation<R>(
  db: InventoryDatabase,
  scope: Scope,
  fields: LocationFields,
  answer: (location: StoredLocation) => R,
): Promise<R> {
  return db.write(scope, async (tx) => {
    // One at a time, for there is a most.
    await sql`select pg_advisory_xact_lock(hashtextextended('location', 0))`.execute(tx.sql);
    const { count } = await tx.sql
      .selectFrom("location")
      .select((it) => it.fn.countAll<bigint>().as("count"))
      .executeTakeFirstOrThrow();
    if (count >= MOST_LOCATIONS) {
      throw refuse(
        ErrorReason.TOO_MANY_LOCATIONS,
        `a shop has ${MOST_LOCATIONS} locations at most; rename one that is not in use`,
      );
    }
    return answer(
      await tx.sql
        .insertInto("location")
        .values({ id: uuidv7(), ...columns(fields) })
        .returningAll()
        .executeTakeFirstOrThrow(),
    );
  });
}

/**
 * Changes fields of a location.
 *
 * @param db inventory's database
 * @param scope the call
 * @param id the location
 * @param fields what to change
 * @param etag of the location as the caller read it; a newer one refuses the change. Empty takes any
 * @throws SoukError LOCATION_NOT_FOUND, ETAG_MISMATCH, or LOCATION_IN_USE where it is to be put out of use
 */
export function updateLocation(
  db: InventoryDatabase,
  scope: Scope,
  id: string,
  fields: Partial<LocationFields>,
  etag: string,
): Promise<StoredLocation> {
  return db.write(scope, async (tx) => {
    if (!UUID.test(id)) throw refuseLocation(id);
    const found = await tx.sql
      .selectFrom("location")
      .selectAll()
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirst();
    if (found === undefined) throw refuseLocation(id);
    if (etag !== "" && etag !== String(found.version)) {
      throw refuseMesh(
        MeshReason.ETAG_MISMATCH,
        "the location was changed meanwhile; read it and change it again",
      );
    }
    if (Object.keys(fields).length === 0) return found;
    if (fields.active === false && found.active) await requireEmpty(tx, id);
    if (fields.ships !== undefined || fields.active !== undefined) tx.ring(ALL_LEVELS);
    return tx.sql
      .updateTable("location")
      .set({
        ...columns({ ...storedFields(found), ...fields }),
        version: sql<number>`version + 1`,
        update_time: sql<Date>`now()`,
      })
      .where("id", "=", id)
      .returningAll()
      .executeTakeFirstOrThrow();
  });
}

/** What is stored of a location. */
export function storedFields(location: StoredLocation): LocationFields {
  return {
    displayName: location.display_name,
    address: location.address === null ? undefined : fromJson(AddressSchema, location.address),
    priority: location.priority,
    ships: location.ships,
    pickUp: location.pick_up,
    active: location.active,
  };
}

/** Nothing can come to it meanwhile: whoever brings stock to a location locks its row first. */
async function requireEmpty(tx: InventoryTransaction, id: string): Promise<void> {
  const { rows } = await sql<{ empty: boolean }>`
    select not exists (
      select from location_level where location_id = ${id}::uuid and available + reserved > 0
    ) and not exists (
      select from transfer where state = 'IN_TRANSIT' and ${id}::uuid in (from_location_id, to_location_id)
    ) and not exists (
      select from stock_take where location_id = ${id}::uuid and state = 'OPEN'
    ) as empty
  `.execute(tx.sql);
  if (rows[0]?.empty === true) return;
  throw refuse(
    ErrorReason.LOCATION_IN_USE,
    `stock lies at location ${id}, is on the way from or to it, or is being counted there; move it first`,
    { metadata: { location_id: id } },
  );
}

/**
 * Requires, until the transaction ends, that locations are in use.
 *
 * @param tx the transaction
 * @param ids the locations
 * @throws SoukError LOCATION_NOT_FOUND or LOCATION_INACTIVE
 */
export async function requireActive(tx: InventoryTransaction, ids: readonly string[]): Promise<void> {
  const { rows } = await sql<{ id: string; active: boolean }>`
    select id, active from location where id = any (${ids}::uuid[]) order by id for share
  `.execute(tx.sql);
  const found = new Map(rows.map(({ id, active }) => [id, active]));
  for (const id of ids) {
    if (!found.has(id)) throw refuseLocation(id);
    if (found.get(id) === true) continue;
    throw refuse(
      ErrorReason.LOCATION_INACTIVE,
      `location ${id} is not in use; make it active, or name another`,
      {
        metadata: { location_id: id },
      },
    );
  }
}

/**
 * The location that is meant where none is named: of those in use the one with the highest priority. Where none is
 * in use, it is the one with the highest priority of all, so that what product tells of is never lost.
 *
 * @param db where to read
 */
export async function usualLocation(db: InventorySql): Promise<string> {
  const { id } = await db
    .selectFrom("location")
    .select("id")
    .orderBy("active", "desc")
    .orderBy("priority", "desc")
    .orderBy("id")
    .limit(1)
    .executeTakeFirstOrThrow();
  return id;
}

/** The refusal of what can only be done at a location that there is. */
export function refuseLocation(id: string) {
  return refuse(
    ErrorReason.LOCATION_NOT_FOUND,
    `there is no location ${id}; list the locations to see which there are`,
    { metadata: { location_id: id } },
  );
}

function columns({ displayName, address, pickUp, ...others }: LocationFields) {
  return {
    ...others,
    display_name: displayName,
    address: address === undefined ? null : (toJson(AddressSchema, address) as JsonObject),
    pick_up: pickUp,
  };
}
