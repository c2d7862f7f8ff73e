import { type Selectable, sql } from "kysely";
import { uuidv7 } from "uuidv7";
import type { Tables } from "#kit/data/tables.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import type { NotificationDatabase, NotificationTransaction } from "../database.ts";
import type { entities } from "../entities.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { checkUrl } from "./endpoint-url.ts";
import { offeredEvents } from "./offered-events.ts";
import { addSecret, retireSecret } from "./secrets.ts";
import { writeSecret } from "./sign-message.ts";
import type { Webhooks } from "./webhooks.ts";

/** An endpoint as staff sees it. */
export interface ShownEndpoint extends Selectable<Tables<typeof entities>["webhook_endpoint"]> {
  readonly failing: boolean;
}

/** What can be said of an endpoint. */
export interface EndpointFields {
  readonly url: string;
  readonly description: string;
  /** The full names of the events that it is told of. */
  readonly events: readonly string[];
  readonly enabled: boolean;
}

/** How many endpoints a shop has at most: each event goes to each that asks for it. */
export const MOST_ENDPOINTS = 50;

/** So much of what an endpoint had yet to be told is given up with it; the rest, when it comes to its turn. */
const MOST_GIVEN_UP = 10_000;

/** Why what an endpoint had yet to be told is given up. */
export const DELETED = "the endpoint was deleted";

/** Whether deliveries failed since the last one that arrived. */
const IS_FAILING = sql<boolean>`exists (
  select from delivery
  where endpoint_id = webhook_endpoint.id and state in ('PENDING', 'FAILED') and last_error is not null
    and id > coalesce((
      select id from delivery where endpoint_id = webhook_endpoint.id and state = 'DELIVERED' order by id desc limit 1
    ), '00000000-0000-0000-0000-000000000000'))`.as("failing");

/**
 * Adds an endpoint.
 *
 * @returns the endpoint, and the secret with which its calls are signed, which is told only now
 * @throws SoukError WEBHOOK_URL_REFUSED, EVENT_NOT_FOUND or TOO_MANY_WEBHOOK_ENDPOINTS
 */
export async function createEndpoint(
  { db, seal, toPrivate }: Webhooks,
  scope: Scope,
  fields: Omit<EndpointFields, "enabled">,
): Promise<{ readonly endpoint: ShownEndpoint; readonly secret: string }> {
  requireOffered(fields.events);
  const url = await checkUrl(fields.url, toPrivate);
  const id = uuidv7();
  return db.write(scope, async (tx) => {
    await requireRoom(tx);
    tx.about(id);
    const endpoint = await tx.sql
      .insertInto("webhook_endpoint")
      .values({ id, url, description: fields.description, events: [...fields.events] })
      .returningAll()
      .returning(IS_FAILING)
      .executeTakeFirstOrThrow();
    return { endpoint, secret: writeSecret(await addSecret(tx, seal, id)) };
  });
}

/**
 * Endpoints, the newest first.
 *
 * @param before the id of the last one that was given; undefined for the beginning
 * @param limit how many at most
 */
export function listEndpoints(
  db: NotificationDatabase,
  before: string | undefined,
  limit: number,
): Promise<ShownEndpoint[]> {
  return db.sql
    .selectFrom("webhook_endpoint")
    .selectAll()
    .select(IS_FAILING)
    .$if(before !== undefined, (query) => query.where("id", "<", before as string))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}

/**
 * Changes fields of an endpoint.
 *
 * @param id the endpoint
 * @param fields what to change
 * @param etag of the endpoint as the caller read it; a newer one refuses the change. Empty takes any
 * @throws SoukError WEBHOOK_ENDPOINT_NOT_FOUND, ETAG_MISMATCH, WEBHOOK_URL_REFUSED, EVENT_NOT_FOUND or INVALID_REQUEST
 */
export async function updateEndpoint(
  { db, toPrivate }: Webhooks,
  scope: Scope,
  id: string,
  { url, events, ...others }: Partial<EndpointFields>,
  etag: string,
): Promise<ShownEndpoint> {
  if (events !== undefined) requireOffered(events);
  const change = {
    ...others,
    ...(events !== undefined && { events: [...events] }),
    ...(url !== undefined && { url: await checkUrl(url, toPrivate) }),
  };
  return db.write(scope, async (tx) => {
    const found = await lockEndpoint(tx, id);
    if (etag !== "" && etag !== String(found.version)) {
      const message = "the webhook endpoint was changed meanwhile; read it and change it again";
      throw refuseMesh(MeshReason.ETAG_MISMATCH, message);
    }
    if (Object.keys(change).length === 0) return found;
    return tx.sql
      .updateTable("webhook_endpoint")
      .set({ ...change, version: found.version + 1 })
      .where("id", "=", id)
      .returningAll()
      .returning(IS_FAILING)
      .executeTakeFirstOrThrow();
  });
}

/**
 * Removes an endpoint with its secrets, and gives up what it has yet to be told; one that is not there is no error.
 *
 * @param id the endpoint
 */
export async function deleteEndpoint({ db, breakers }: Webhooks, scope: Scope, id: string): Promise<void> {
  await db.write(scope, async (tx) => {
    await tx.sql.deleteFrom("webhook_endpoint").where("id", "=", id).execute();
    await tx.sql
      .updateTable("delivery")
      .set({ state: "FAILED", last_error: DELETED, content: null })
      .where("id", "in", (it) =>
        it
          .selectFrom("delivery")
          .select("id")
          .where("endpoint_id", "=", id)
          .where("state", "=", "PENDING")
          .limit(MOST_GIVEN_UP)
          .forUpdate(),
      )
      .execute();
  });
  breakers.forget(id);
}

/**
 * Gives an endpoint a new secret; for a day, its calls are signed with the one before as well.
 *
 * @param id the endpoint
 * @returns the secret, which is told only now, and until when the one before is good
 * @throws SoukError WEBHOOK_ENDPOINT_NOT_FOUND
 */
export function rotateSecret(
  { db, seal }: Webhooks,
  scope: Scope,
  id: string,
): Promise<{ readonly secret: string; readonly previousExpireTime: Date }> {
  return db.write(scope, async (tx) => {
    await lockEndpoint(tx, id);
    const previousExpireTime = await retireSecret(tx, id);
    return { secret: writeSecret(await addSecret(tx, seal, id)), previousExpireTime };
  });
}

/**
 * Requires that there is an endpoint.
 *
 * @param id the endpoint
 * @throws SoukError WEBHOOK_ENDPOINT_NOT_FOUND
 */
export async function requireEndpoint(db: NotificationDatabase, id: string): Promise<void> {
  const found = await db.sql
    .selectFrom("webhook_endpoint")
    .select("id")
    .where("id", "=", id)
    .executeTakeFirst();
  if (found === undefined) throw noEndpoint(id);
}

function noEndpoint(id: string) {
  return refuse(
    ErrorReason.WEBHOOK_ENDPOINT_NOT_FOUND,
    `there is no webhook endpoint ${id}; list the endpoints to see which there are`,
  );
}

async function lockEndpoint(tx: NotificationTransaction, id: string): Promise<ShownEndpoint> {
  const found = await tx.sql
    .selectFrom("webhook_endpoint")
    .selectAll()
    .select(IS_FAILING)
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirst();
  if (found === undefined) throw noEndpoint(id);
  return found;
}

async function requireRoom(tx: NotificationTransaction): Promise<void> {
  // One at a time, for there is a most.
  await sql`select pg_advisory_xact_lock(hashtextextended('webhook_endpoint', 0))`.execute(tx.sql);
  const { count } = await tx.sql
    .selectFrom("webhook_endpoint")
    .select((it) => it.fn.countAll<bigint>().as("count"))
    .executeTakeFirstOrThrow();
  if (Number(count) < MOST_ENDPOINTS) return;
  throw refuse(
    ErrorReason.TOO_MANY_WEBHOOK_ENDPOINTS,
    `a shop has ${MOST_ENDPOINTS} webhook endpoints at most; delete one that is not needed`,
  );
}

function requireOffered(events: readonly string[]): void {
  if (events.length === 0) {
    const description = "must name an event; to tell it of none, put the endpoint out of use with enabled";
    throw refuseMesh(MeshReason.INVALID_REQUEST, `events ${description}`, {
      violations: [{ field: "events", description }],
    });
  }
  const unknown = events.find((it) => !offeredEvents.has(it));
  if (unknown === undefined) return;
  const description = `names ${unknown}, of which webhooks are not told`;
  throw refuse(
    ErrorReason.EVENT_NOT_FOUND,
    `events ${description}; choose from ${[...offeredEvents].join(", ")}`,
    { metadata: { event: unknown }, violations: [{ field: "events", description }] },
  );
}
