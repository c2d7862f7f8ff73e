import type { CustomerGroupsChanged } from "#gen/souk/user/v1/events_pb.ts";
import type { EventContext } from "#kit/events/subscription.ts";
import type { OrderTransaction } from "./database.ts";

/**
 * Keeps in which groups a customer is, for prices and promotions; what was told of an earlier time changes nothing.
 *
 * @param event what user told
 * @param tx the transaction of the event
 * @param context when it happened
 */
export async function keepGroups(
  { userId, customerGroups }: CustomerGroupsChanged,
  tx: OrderTransaction,
  { occurTime }: EventContext,
): Promise<void> {
  await tx.sql
    .insertInto("customer_groups")
    .values({ customer_id: userId, groups: customerGroups, change_time: occurTime })
    .onConflict((conflict) =>
      conflict
        .column("customer_id")
        .doUpdateSet({ groups: customerGroups, change_time: occurTime })
        .where("customer_groups.change_time", "<=", occurTime),
    )
    .execute();
}
