import { type RawBuilder, sql } from "kysely";
import type { NotificationDatabase } from "../database.ts";
import type { Attempt, ChannelName, DeliveryStateName } from "../entities.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { StoredDelivery } from "./delivery-queue.ts";

/** A delivery as staff sees it. */
export type ShownDelivery = Omit<StoredDelivery, "content" | "attempts_before" | "attempt_log">;

/** Which deliveries are listed. */
export interface DeliveryFilter {
  readonly state: DeliveryStateName | undefined;
  readonly channel: ChannelName | undefined;
  /** "" for all. */
  readonly userId: string;
  /** "" for all. */
  readonly endpointId: string;
  /** Those older than the one with this id. */
  readonly before: string | undefined;
  /** How many at most. */
  readonly limit: number;
}

const COLUMNS =
  sql.raw(`id, event_id, channel, endpoint_id, user_id, topic, recipient, state, attempts, next_attempt_at,
  last_error, create_time, delivery_time`);
/** What users were told in the shop was delivered as it was stored, and is kept nowhere else. */
const IN_THE_SHOP = sql.raw(`id, event_id, 'SHOP' as channel, null::uuid as endpoint_id, user_id, topic,
  '' as recipient, 'DELIVERED' as state, 0 as attempts, create_time as next_attempt_at, null as last_error, create_time,
  create_time as delivery_time`);
/** How far the deliveries of each channel can be, but for what was told in the shop. */
const STATES: Readonly<Record<ChannelName, readonly DeliveryStateName[]>> = {
  SHOP: ["SUPPRESSED"],
  EMAIL: ["PENDING", "DELIVERED", "FAILED", "SUPPRESSED"],
  WEBHOOK: ["PENDING", "DELIVERED", "FAILED"],
};

/**
 * Deliveries, newest first, in one statement. Each kind that is asked for is read by an index that has it in this
 * order, so that the few that failed are found among millions that did not.
 */
export async function listDeliveries(
  db: NotificationDatabase,
  filter: DeliveryFilter,
): Promise<ShownDelivery[]> {
  const { state, channel, userId, endpointId, before, limit } = filter;
  const older = before === undefined ? sql`` : sql`and id < ${before}::uuid`;
  const newest = sql`${older} order by id desc limit ${limit}`;
  const kinds = kindsOf(filter).map(
    (which) => sql`(select ${COLUMNS} from delivery where ${which} ${newest})`,
  );
  if (endpointId === "" && (channel ?? "SHOP") === "SHOP" && (state ?? "DELIVERED") === "DELIVERED") {
    const whose = userId === "" ? sql`true` : sql`user_id = ${userId}::uuid`;
    kinds.push(sql`(select ${IN_THE_SHOP} from notification where ${whose} ${newest})`);
  }
  if (kinds.length === 0) return [];
  const { rows } = await sql<ShownDelivery>`
    select * from (${sql.join(kinds, sql` union all `)}) as delivery order by id desc limit ${limit}`.execute(
    db.sql,
  );
  return rows;
}

/** Conditions, each of which an index answers in the order of ids. */
function kindsOf({ state, channel, userId, endpointId }: DeliveryFilter): RawBuilder<unknown>[] {
  if (userId !== "") {
    const also = [
      sql`user_id = ${userId}::uuid`,
      ...(state === undefined ? [] : [sql`state = ${sql.lit(state)}`]),
      ...(channel === undefined ? [] : [sql`channel = ${sql.lit(channel)}`]),
      ...(endpointId === "" ? [] : [sql`endpoint_id = ${endpointId}::uuid`]),
    ];
    return [sql.join(also, sql` and `)];
  }
  if (state === undefined && channel === undefined && endpointId === "") return [sql`true`];
  const channels = (Object.keys(STATES) as ChannelName[])
    .filter((it) => it === (channel ?? it))
    .filter((it) => endpointId === "" || it === "WEBHOOK");
  return channels.flatMap((of) =>
    STATES[of]
      .filter((it) => it === (state ?? it))
      .map((it) => sql`${ofKind(of, endpointId)} and state = ${sql.lit(it)}`),
  );
}

function ofKind(channel: ChannelName, endpointId: string) {
  return endpointId === "" ? sql`channel = ${sql.lit(channel)}` : sql`endpoint_id = ${endpointId}::uuid`;
}

/**
 * A delivery with its attempts, newest first.
 *
 * @throws SoukError DELIVERY_NOT_FOUND
 */
export async function getDelivery(
  db: NotificationDatabase,
  id: string,
): Promise<{ readonly delivery: ShownDelivery; readonly attempts: readonly Attempt[] }> {
  const { rows } = await sql<ShownDelivery & { attempt_log: Attempt[] }>`
    select ${COLUMNS}, attempt_log from delivery where id = ${id}::uuid
    union all select ${IN_THE_SHOP}, '[]'::jsonb from notification where id = ${id}::uuid`.execute(db.sql);
  const [found] = rows;
  if (found === undefined) throw deliveryNotFound(id);
  const { attempt_log: attempts, ...delivery } = found;
  return { delivery, attempts };
}

/** The refusal of what asks for a delivery that is not there. */
export function deliveryNotFound(id: string) {
  return refuse(
    ErrorReason.DELIVERY_NOT_FOUND,
    `there is no delivery ${id}; list the deliveries to see which there are`,
  );
}
