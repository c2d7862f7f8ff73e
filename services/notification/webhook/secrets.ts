import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import type { Seal } from "#kit/data/seal.ts";
import type { NotificationDatabase, NotificationTransaction } from "../database.ts";
import { makeSecret } from "./sign-message.ts";

/** How long a secret that was replaced is good beside the new one. */
const GRACE = "24 hours";
/**
 * Who loses the answer to a rotation rotates again, and the secret that the receiver has must still be good then. Of
 * more than so many at a time the oldest goes.
 */
const MOST_SECRETS = 10;

/**
 * Gives an endpoint a secret.
 *
 * @param tx a transaction that holds the endpoint's row
 * @param seal encrypts it
 * @param endpointId the endpoint, which has no secret now but those that were replaced
 * @returns its bytes
 */
export async function addSecret(
  tx: NotificationTransaction,
  seal: Seal,
  endpointId: string,
): Promise<Buffer> {
  const secret = makeSecret();
  await tx.sql
    .insertInto("webhook_secret")
    .values({ id: uuidv7(), endpoint_id: endpointId, secret: seal.seal(secret, endpointId) })
    .execute();
  return secret;
}

/**
 * Makes room for a new secret of an endpoint: the one that it has stays good for a day, as those before it do.
 *
 * @param tx a transaction that holds the endpoint's row
 * @param endpointId the endpoint
 * @returns until when it is good
 */
export async function retireSecret(tx: NotificationTransaction, endpointId: string): Promise<Date> {
  const { expire_time } = await tx.sql
    .updateTable("webhook_secret")
    .set({ expire_time: sql<Date>`now() + ${GRACE}::interval` })
    .where("endpoint_id", "=", endpointId)
    .where("expire_time", "is", null)
    .returning(sql<Date>`expire_time`.as("expire_time"))
    .executeTakeFirstOrThrow();
  await sql`delete from webhook_secret where endpoint_id = ${endpointId}::uuid and (expire_time <= now() or id in (
    select id from webhook_secret where endpoint_id = ${endpointId}::uuid
    order by id desc offset ${MOST_SECRETS - 1}::int))`.execute(tx.sql);
  return expire_time;
}

/**
 * The secrets of an endpoint that are good now, the newest first. Those that were stored under another key than the one
 * in the settings, or for another endpoint, are none.
 *
 * @param db notification's database
 * @param seal opens them
 * @param endpointId the endpoint
 */
export async function goodSecrets(
  db: NotificationDatabase,
  seal: Seal,
  endpointId: string,
): Promise<Buffer[]> {
  const rows = await db.sql
    .selectFrom("webhook_secret")
    .select("secret")
    .where("endpoint_id", "=", endpointId)
    .where((it) => it.or([it("expire_time", "is", null), it("expire_time", ">", sql<Date>`now()`)]))
    .orderBy("id", "desc")
    .execute();
  return rows.flatMap(({ secret }) => {
    try {
      return [seal.open(secret, endpointId)];
    } catch {
      return [];
    }
  });
}
