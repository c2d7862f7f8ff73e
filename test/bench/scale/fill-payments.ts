import type pg from "pg";
import { CANCELLED_MS, reckonOrders, SENT_MS, SHIPMENT_ID, sqlId } from "./generated-sql.ts";
import type { GeneratedShop } from "./size.ts";

const _DAY_MS = 86_400_000;

const chargeId = `'ch_' || ${sqlId("charge", "number", "ms")}`;

/**
 * Fills the database of payment: a payment by card of each order, what was taken of it, the books, and what the
 * sandbox knows of it.
 *
 * @param client a connection
 * @param shop the shop
 */
export async function fillPayments(client: pg.Client, shop: GeneratedShop): Promise<void> {
  for (const statement of [...reckonOrders(shop), ...STATEMENTS]) await client.query(statement);
}

const STATEMENTS = [
  `insert into payment (id, state, amount_minor, currency, provider_charge_id, create_time, update_time, account_id,
      card_minor, card_open_minor, card_captured_minor, captured_minor, expire_time)
    select id, case when sent then 'CAPTURED' when state = 'CANCELLED' then 'VOIDED' else 'AUTHORIZED' end, total, 'EUR',
      ${chargeId}, at,
      case when sent then bench.at(${SENT_MS}) when state = 'CANCELLED' then bench.at(${CANCELLED_MS}) else at end,
      customer_id, total, case when state = 'CONFIRMED' then total else 0 end, case when sent then total else 0 end,
      case when sent then total else 0 end, case when state = 'CONFIRMED' then at + interval '7 days' end
    from bench.placed order by number`,
  `insert into payment_movement (id, kind, payment_id, state, amount_minor, split, create_time)
    select ${SHIPMENT_ID}, 'CAPTURE', id, 'SUCCEEDED', total, array[total], bench.at(${SENT_MS})
    from bench.placed where sent order by number`,
  `insert into ledger_transfer (entry_id, position, payment_id, reference_id, description, debit_account,
      credit_account, amount_minor, currency, create_time)
    select entry_id, position, payment_id, reference_id, description, debit_account, credit_account, total, 'EUR',
      bench.at(ms) from (
      select ${sqlId("authorized", "number", "ms")} as entry_id, 1 as position, id as payment_id, id as reference_id,
        'authorized' as description, 'provider-authorized' as debit_account, 'authorizations' as credit_account, total, ms
      from bench.placed
      union all
      select ${sqlId("captured", "number", SENT_MS)}, place, id, ${SHIPMENT_ID}, 'captured',
        case place when 1 then 'authorizations' else 'provider-clearing' end,
        case place when 1 then 'provider-authorized' else 'sales' end, total, ${SENT_MS}
      from bench.placed cross join generate_series(1, 2) as place where sent
      union all
      select ${sqlId("voided", "number", CANCELLED_MS)}, 1, id, id, 'voided', 'authorizations', 'provider-authorized', total,
        ${CANCELLED_MS}
      from bench.placed where state = 'CANCELLED'
    ) as it order by ms`,
  `insert into sandbox.charge (id, idempotency_key, amount_minor, currency, status, create_time, captured_minor,
      expire_time)
    select ${chargeId}, id::text, total, 'EUR',
      case when sent then 'captured' when state = 'CANCELLED' then 'voided' else 'authorized' end, at,
      case when sent then total else 0 end, at + interval '7 days'
    from bench.placed order by number`,
  `insert into sandbox.movement (idempotency_key, charge_id, kind, amount_minor, create_time)
    select 'capture/' || ${SHIPMENT_ID}, ${chargeId}, 'capture', total, bench.at(${SENT_MS})
    from bench.placed where sent order by number`,
];
