import type pg from "pg";
import { reckonOrders, sqlId } from "./generated-sql.ts";
import type { GeneratedShop } from "./size.ts";

const DAY_MS = 86_400_000;

const eventId = sqlId("event", "number", "ms");
/** As orders call themselves to their customers. */
const TITLE = "'Order of ' || to_char(at, 'YYYY-MM-DD') || ' is confirmed'";

/**
 * Fills the database of notification: what customers were told of their orders, in the shop and by mail, and the
 * events that are remembered for it.
 *
 * @param client a connection
 * @param shop the shop
 */
export async function fillNotifications(client: pg.Client, shop: GeneratedShop): Promise<void> {
  for (const statement of [...reckonOrders(shop), ...statements(shop)]) await client.query(statement);
}

function statements({ endMs }: GeneratedShop): string[] {
  return [
    `insert into notification (id, event_id, user_id, topic, title, body, subject_id, create_time, read_time)
      select ${sqlId("notification", "number", "ms")}, ${eventId}, customer_id, 'order-confirmed', ${TITLE},
        'Thank you for your order. Your goods are set aside for you.', id::text, at,
        case when number % 3 > 0 then at + interval '1 hour' end
      from bench.placed where customer_id is not null order by number`,
    `insert into delivery (id, event_id, channel, user_id, topic, recipient, state, attempts, attempt_log,
        next_attempt_at, create_time, delivery_time)
      select ${sqlId("mail", "number", "ms")}, ${eventId}, 'EMAIL', customer_id, 'order-confirmed',
        bench.email(customer), 'DELIVERED', 1, jsonb_build_array(jsonb_build_object('time', at, 'statusCode', 250,
        'error', '', 'ms', 7)), at + interval '40 s', at, at + interval '1 s'
      from bench.placed order by number`,
    `insert into mesh.inbox (event_id, consumer)
      select ${eventId}, 'notification' from bench.placed where ms > ${endMs - 35 * DAY_MS} order by number`,
  ];
}
