import type pg from "pg";
import { ARRIVED_MS, CANCELLED_MS, reckonOrders, SENT_MS, SHIPMENT_ID, sqlId } from "./generated-sql.ts";
import type { GeneratedShop } from "./size.ts";

const DAY_MS = 86_400_000;
const ADDRESS = `jsonb_build_object('name', bench.first_name(customer) || ' ' || bench.last_name(customer),
  'line1', 1 + customer % 200 || ' Analytical Way', 'city', 'Berlin', 'postalCode', (10115 + customer % 4000)::text,
  'countryCode', 'DE')`;
const TAX = (
  total: string,
  tax: string,
) => `jsonb_build_array(jsonb_build_object('name', 'VAT 19 %', 'ppm', '190000',
  'base', (${total} - ${tax})::text, 'amount', (${tax})::text, 'included', true, 'reverseCharge', false))`;
const PRODUCT = "(variant / 3)";

/**
 * Fills the database of order: carts, orders of a year with their lines and what became of them, and the sagas of the
 * last month, for longer they are not kept.
 *
 * @param client a connection
 * @param shop the shop
 */
export async function fillOrders(client: pg.Client, shop: GeneratedShop): Promise<void> {
  for (const statement of [
    ...reckonOrders(shop),
    ...orders,
    ...afterTheSale,
    ...carts(shop),
    ...sagas(shop),
  ]) {
    await client.query(statement);
  }
}

const lineId = sqlId("orderLine", "line.number * 2 + place", "ms");

const orders = [
  `insert into orders (id, number, customer_id, email, state, currency, subtotal, shipping, tax_included, total,
      shipping_address, shipping_method, cancel_reason, version, create_time, update_time, taxes, shipping_taxes,
      shipping_total, cart_id, cancelled_total, captured)
    select id, upper(substr(translate(md5(number::text), 'abcdef', 'ghjkmn'), 1, 4)) || number / 100000 || '-' ||
        lpad((number % 100000)::text, 5, '0'),
      customer_id, bench.email(customer), state, 'EUR', subtotal, shipping, tax, total, ${ADDRESS}, 'standard',
      case when state = 'CANCELLED' then 'ordered by mistake' else '' end,
      case state when 'CONFIRMED' then 2 when 'DELIVERED' then 4 else 3 end, at,
      case state when 'CONFIRMED' then at when 'CANCELLED' then bench.at(${CANCELLED_MS})
        when 'SHIPPED' then bench.at(${SENT_MS}) else bench.at(${ARRIVED_MS}) end,
      ${TAX("total", "tax")}, ${TAX("shipping", "bench.tax(shipping)")}, shipping,
      case when customer_id is not null then bench.cart(customer) end,
      case when state = 'CANCELLED' then total else 0 end, case when sent then total else 0 end
    from bench.placed`,
  `insert into order_line (order_id, position, id, cart_line_id, variant_id, sku, title, option_values, quantity,
      unit_price, total, note, product_id, category_id, subtotal, taxes, shipped, cancelled)
    select placed.id, place, ${lineId}, ${sqlId("cartLine", "line.number * 2 + place", "ms")}, variant_id,
      'B' || ${PRODUCT} || '-' || variant % 3, bench.title(${PRODUCT}),
      array[(array['Small', 'Medium', 'Large'])[1 + variant % 3]], quantity, price, line.total, '',
      bench.product(${PRODUCT})::text, bench.category(${PRODUCT})::text, line.total, ${TAX("line.total", "bench.tax(line.total)")},
      case when sent then quantity else 0 end, case when state = 'CANCELLED' then quantity else 0 end
    from bench.placed join bench.line using (number) order by number, place`,
];

function entry(kind: string, ms: string, text: string, actor: string, where: string): string {
  const id = sqlId(kind.toLowerCase() as "placed", "number", ms);
  const reference = kind === "SHIPPED" || kind === "DELIVERED" ? `${SHIPMENT_ID}::text` : "''";
  return `select ${id} as id, id as order_id, '${kind}' as kind, '${text}' as text, ${actor} as actor_id,
      ${reference} as reference_id, bench.at(${ms}) as create_time
    from bench.placed where ${where}`;
}

const customer = "coalesce(customer_id::text, '')";
const afterTheSale = [
  `insert into order_timeline (id, order_id, kind, text, actor_id, reference_id, create_time)
    select * from (
      ${[
        entry("PLACED", "ms", "The order was placed", customer, "true"),
        entry("CONFIRMED", "ms", "Stock is set aside and the payment is authorized", "''", "true"),
        entry("SHIPPED", SENT_MS, "The order was sent", "bench.customer(0)::text", "sent"),
        entry(
          "DELIVERED",
          ARRIVED_MS,
          "All of the order arrived",
          "bench.customer(0)::text",
          "state = 'DELIVERED'",
        ),
        entry("CANCELLED", CANCELLED_MS, "The order was cancelled", customer, "state = 'CANCELLED'"),
      ].join(" union all ")}
    ) as it order by id`,
  `insert into shipment (id, order_id, state, lines, location_id, carrier, tracking_number, tracking_uri, captured,
      version, create_time, delivery_time)
    select ${SHIPMENT_ID}, id, case state when 'SHIPPED' then 'SENT' else 'DELIVERED' end, lines, '', 'DHL',
      '00340' || lpad(number::text, 12, '0'), '', total, case state when 'SHIPPED' then 1 else 2 end,
      bench.at(${SENT_MS}), case state when 'DELIVERED' then bench.at(${ARRIVED_MS}) end
    from bench.placed join (
      select number, jsonb_agg(jsonb_build_object('lineId', ${lineId}, 'quantity', quantity::text) order by place) as lines
      from bench.placed join bench.line using (number) where sent group by number
    ) as it using (number) order by number`,
  `insert into invoice (id, order_id, kind, number, content, total, create_time)
    select ${sqlId("invoice", "number", SENT_MS)}, id, 'INVOICE', row_number() over (order by number),
      jsonb_build_object('items', items || jsonb_build_object('title', 'Shipping', 'sku', '', 'quantity', '',
        'total', shipping::text), 'taxes', ${TAX("total", "tax")}), total, bench.at(${SENT_MS})
    from bench.placed join (
      select number, jsonb_agg(jsonb_build_object('title', bench.title(${PRODUCT}), 'sku',
        'B' || ${PRODUCT} || '-' || variant % 3, 'quantity', quantity::text, 'total', total::text) order by place) as items
      from bench.line group by number
    ) as it using (number) where sent order by number`,
  "update invoice_counter set last = (select count(*) from invoice) where kind = 'INVOICE'",
];

/** Each customer has a cart with something in it. */
function carts({ customers, variants, endMs }: GeneratedShop): string[] {
  return [
    `insert into cart (id, customer_id, currency, seen, create_time, update_time)
      select bench.cart(number), bench.customer(number), 'EUR', '{}', bench.at(bench.customer_ms(number) + 60000),
        bench.at(${endMs} - number % 80 * ${DAY_MS}::bigint)
      from generate_series(0, ${customers - 1}::bigint) as number`,
    `insert into cart_line (id, cart_id, variant_id, note, quantity)
      select ${sqlId("cartLine", "number * 2", `${endMs} - number % 80 * ${DAY_MS}::bigint`)}, bench.cart(number),
        bench.variant(variant - case when variant / 3 % 97 = 96 then 3 else 0 end), '', 1 + number % 2
      from generate_series(0, ${customers - 1}::bigint) as number
        cross join lateral (select number * 7919 % ${variants} as variant) as it`,
  ];
}

function sagas({ endMs }: GeneratedShop): string[] {
  return [
    `insert into mesh.saga (id, name, state, step, data, result, owner, key, request_hash, request_id, lease, lease_until,
        create_time, update_time)
      select id, 'place-order', 'succeeded', 0, '{}', jsonb_build_object('orderId', id),
        'souk.order.v1.CheckoutService/PlaceOrder user:' || bench.customer(customer), gen_random_uuid()::text,
        sha256(id::text::bytea), gen_random_uuid()::text, gen_random_uuid(), at + interval '10 s', at, at
      from bench.placed where ms > ${endMs - 30 * DAY_MS} order by number`,
    `insert into mesh.saga (id, name, state, step, data, result, owner, key, request_hash, request_id, lease, lease_until,
        create_time, update_time)
      select ${SHIPMENT_ID}, 'ship-order', 'succeeded', 0, '{}', jsonb_build_object('orderId', id, 'shipmentId', ${SHIPMENT_ID}),
        'souk.order.v1.OrderService/ShipOrder user:' || bench.customer(0), gen_random_uuid()::text,
        sha256(id::text::bytea), gen_random_uuid()::text, gen_random_uuid(), bench.at(${SENT_MS}) + interval '10 s',
        bench.at(${SENT_MS}), bench.at(${SENT_MS})
      from bench.placed where sent and ms > ${endMs - 31 * DAY_MS} order by number`,
  ];
}
