import type pg from "pg";
import { reckonOrders, sqlId } from "./generated-sql.ts";
import type { GeneratedShop } from "./size.ts";

const DAY_MS = 86_400_000;

const eventId = sqlId("event", "number", "ms");
/** As orders call themselves to their customers. */
const TITLE = "'Order of ' || to_char(at, 'YYYY-MM-DD') || ' is confirmed'";
const TEXT = `'Hello,' || E'\\n\\n' || 'Thank you for your order. It is confirmed:' || E'\\n\\n' ||
  'Total: €' || to_char(total / 100.0, 'FM999990.00') || E'\\n' || 'Tax included: €' ||
  to_char(tax / 100.0, 'FM999990.00') || E'\\n\\nSouk\\n'`;

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
    `insert into mail (id, event_id, recipient, subject, text, html, message_id, state, attempts, next_attempt_at,
        create_time, sent_time)
      select ${sqlId("mail", "number", "ms")}, ${eventId}, bench.email(customer), ${TITLE}, ${TEXT},
        '<!doctype html><html lang="en"><head><meta charset="utf-8"></head><body><p>' || replace(${TEXT}, E'\\n', '<br>') ||
        '</p></body></html>', '<' || ${eventId} || '@souk.example>', 'sent', 1, at + interval '40 s', at,
        at + interval '1 s'
      from bench.placed order by number`,
    `insert into mesh.inbox (event_id, consumer)
      select ${eventId}, 'notification' from bench.placed where ms > ${endMs - 35 * DAY_MS} order by number`,
  ];
}
