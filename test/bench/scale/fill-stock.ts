import type pg from "pg";
import { MAIN_LOCATION } from "../../../services/inventory/migrations/0003-locations.ts";
import { CANCELLED_MS, reckonOrders, SENT_MS, SHIPMENT_ID } from "./generated-sql.ts";
import type { GeneratedShop } from "./size.ts";

const DAY_MS = 86_400_000;
/** What there was of each variant at first: more than any run can sell. */
const OPENING = 10_000;
/** The place from which each other variant can be had as well, and how many lie there. */
const SECOND_LOCATION = "01900000-0000-7000-8000-000000000002";
const THERE = 50;
/** Each so-manieth variant runs low, and each so-manieth was counted and found to be one more. */
const LOW = 50;
const COUNTED = 100;

/**
 * Fills the database of inventory: the levels of all variants at two locations, what is set aside for orders, and the
 * ledger of how it came to that.
 *
 * @param client a connection
 * @param shop the shop
 */
export async function fillStock(client: pg.Client, shop: GeneratedShop): Promise<void> {
  for (const statement of [...reckonOrders(shop), ...levels(shop), ...RESERVATIONS, ...MOVEMENTS]) {
    await client.query(statement);
  }
}

const COUNTED_MORE = `case when variant % ${COUNTED} = 0 then 1 else 0 end`;

function levels({ products }: GeneratedShop): string[] {
  const all = `generate_series(0, ${products * 3 - 1}::bigint) as variant`;
  return [
    // What the shop was opened with makes room.
    "truncate stock_level, location_level, stock_movement, reservation, reservation_line, back_order, booking, transfer_line",
    `insert into location (id, display_name, priority, ships, pick_up, active)
      values ('${SECOND_LOCATION}', 'Second warehouse', 50, true, true, true)`,
    `create unlogged table bench.sold as
      select variant, sum(quantity) filter (where state = 'CONFIRMED') as reserved, sum(quantity) filter (where sent) as shipped
      from bench.placed join bench.line using (number) group by variant`,
    `create unlogged table bench.level as
      select variant, bench.variant(variant) as variant_id, coalesce(reserved, 0)::bigint as reserved,
        (${OPENING} + ${COUNTED_MORE} - coalesce(reserved, 0) - coalesce(shipped, 0))::bigint as available
      from ${all} left join bench.sold using (variant)`,
    `insert into stock_level (variant_id, available, reserved, low_stock_threshold)
      select variant_id, available + case variant % 2 when 0 then ${THERE} else 0 end, reserved,
        case when variant % ${LOW} = 0 then ${2 * OPENING} else 0 end
      from bench.level order by variant`,
    `insert into location_level (variant_id, location_id, available, reserved)
      select variant_id, '${MAIN_LOCATION}'::uuid, available, reserved from bench.level
      union all
      select variant_id, '${SECOND_LOCATION}', ${THERE}, 0 from bench.level where variant % 2 = 0`,
    `insert into stock_movement (variant_id, location_id, available_delta, reserved_delta, kind, reference_id, create_time)
      select variant_id, '${MAIN_LOCATION}', ${OPENING}, 0, 'OPENING', bench.product(variant / 3),
        bench.at(bench.product_ms(variant / 3))
      from bench.level order by variant`,
    `insert into stock_movement (variant_id, location_id, available_delta, reserved_delta, kind, reason_code, note, actor,
        create_time)
      select variant_id, '${SECOND_LOCATION}'::uuid, ${THERE}, 0, 'ADJUSTMENT', 'DELIVERY', '', bench.customer(0)::text,
        bench.at(bench.product_ms(variant / 3) + ${DAY_MS})
      from bench.level where variant % 2 = 0
      union all
      select variant_id, '${MAIN_LOCATION}', 1, 0, 'ADJUSTMENT', 'FOUND', 'one more than expected',
        bench.customer(0)::text, bench.at(bench.product_ms(variant / 3) + ${DAY_MS})
      from bench.level where variant % ${COUNTED} = 0`,
  ];
}

const RESERVATIONS = [
  `insert into reservation (id, state, expire_time, version, create_time, update_time)
    select id, case state when 'CANCELLED' then 'RELEASED' else 'COMMITTED' end, at + interval '15 minutes',
      case state when 'CONFIRMED' then 1 else 2 end, at,
      case when sent then bench.at(${SENT_MS}) when state = 'CANCELLED' then bench.at(${CANCELLED_MS}) else at end
    from bench.placed order by number`,
  `insert into reservation_line (reservation_id, variant_id, location_id, quantity)
    select id, variant_id, '${MAIN_LOCATION}', case when sent then 0 else quantity end
    from bench.placed join bench.line using (number) order by number`,
  `insert into booking (kind, id, create_time)
    select 'SHIPMENT', ${SHIPMENT_ID}, bench.at(${SENT_MS}) from bench.placed where sent order by number`,
];

const MOVEMENTS = [
  `insert into stock_movement (variant_id, location_id, available_delta, reserved_delta, kind, reference_id, create_time)
    select variant_id, '${MAIN_LOCATION}', available, reserved, kind, id, bench.at(ms) from (
      select variant_id, -quantity as available, quantity as reserved, 'RESERVATION' as kind, id, ms
      from bench.placed join bench.line using (number)
      union all
      select variant_id, 0, -quantity, 'SHIPMENT', id, ${SENT_MS}
      from bench.placed join bench.line using (number) where sent
      union all
      select variant_id, quantity, -quantity, 'RELEASE', id, ${CANCELLED_MS}
      from bench.placed join bench.line using (number) where state = 'CANCELLED'
    ) as it order by ms`,
];
