import { randomUUID } from "node:crypto";
import type pg from "pg";
import { AuditResult } from "#gen/souk/mesh/v1/audit_pb.ts";
import type { PublicJwk } from "#kit/identity/authenticator.ts";
import { COLUMNS, GENESIS, hashLink, type Link } from "../../../services/auth/audit/chain.ts";
import { headSigner } from "../../../services/auth/audit/head.ts";
import { copyBytes, copyRows } from "./bulk-load.ts";
import { sqlId } from "./generated-sql.ts";
import { customerId, type GeneratedShop, idOf, orderId, orderTime, regularsOf } from "./size.ts";

const DAY_MS = 86_400_000;
/** Each so-manieth account is staff's. */
const STAFF = 1_000;
/** Each so-manieth record tells of a denial. */
const DENIED = 200;

const made = "bench.at(bench.customer_ms(number))";

/**
 * Fills the database of auth: an account for each customer, all with the password of the one that is there; sessions of
 * the last months; and the audit, which tells of each order.
 *
 * @param client a connection
 * @param shop the shop
 * @param key the private key of auth, which signs where the audit ends
 */
export async function fillAccounts(client: pg.Client, shop: GeneratedShop, key: PublicJwk): Promise<void> {
  const numbers = `generate_series(0, ${shop.customers - 1}::bigint) as number`;
  await client.query(
    `insert into account (id, email, password_hash, roles, create_time, email_verify_time, last_login_time)
     select bench.customer(number), bench.email(number), password_hash,
       case when number % ${STAFF} = ${STAFF - 1} then array['customer', 'support'] else array['customer'] end, ${made},
       ${made} + interval '1 hour', bench.at(${shop.endMs} - number % 80 * ${DAY_MS}::bigint)
     from ${numbers} cross join (select password_hash from account limit 1) as it order by number`,
  );
  const opened = `${shop.endMs} - number % 80 * ${DAY_MS}::bigint`;
  await client.query(
    `insert into session (id, account_id, ip_address, user_agent, create_time, last_use_time, expire_time)
     select ${sqlId("session", "number", opened)}, bench.customer(number), '198.51.100.' || number % 250, 'Mozilla/5.0',
       bench.at(${opened}), bench.at(${opened}), bench.at(${opened}) + interval '30 days'
     from ${numbers}`,
  );
  await client.query(
    `insert into refresh_token (token_hash, session_id, create_time, expire_time)
     select sha256(id::text::bytea), id, create_time, expire_time from session where expire_time > now()`,
  );
  await fillAudit(client, shop, key);
}

async function fillAudit(client: pg.Client, shop: GeneratedShop, key: PublicJwk): Promise<void> {
  const { rows } = await client.query<{ seq: string; hash: Buffer }>("select seq, hash from audit_head");
  const head = { seq: BigInt(rows[0]?.seq ?? 0), hash: (rows[0]?.hash ?? GENESIS) as Uint8Array };
  await copyRows(client, `audit_record (${[...COLUMNS, "hash"].join(", ")})`, auditRows(shop, head));
  await client.query("update audit_head set seq = $1, hash = $2, signature = $3", [
    head.seq,
    head.hash,
    headSigner(key)(head),
  ]);
}

/** Goes on with the chain, and leaves its end in the head. */
function* auditRows(shop: GeneratedShop, head: { seq: bigint; hash: Uint8Array }): Generator<string[]> {
  for (let number = 0; number < shop.orders; number++) {
    const ms = orderTime(shop, number);
    const denied = number % DENIED === DENIED - 1;
    const link: Link = {
      seq: head.seq + 1n,
      id: idOf("audit", number, ms),
      service: denied ? "payment" : "order",
      method: denied
        ? "souk.payment.v1.PaymentService/ListPayments"
        : "souk.order.v1.CheckoutService/PlaceOrder",
      account_id: customerId(shop, customerOf(shop, number)),
      caller: "gateway",
      object_id: denied ? "" : orderId(shop, number),
      result: denied ? AuditResult.DENIED : AuditResult.SUCCEEDED,
      reason: denied ? "PERMISSION_DENIED" : "",
      client_address: `198.51.100.${number % 250}`,
      request_id: randomUUID(),
      start_time: new Date(ms),
      count: 1,
    };
    head.hash = hashLink(head.hash, link);
    head.seq = link.seq;
    const texts = COLUMNS.map((column) => {
      const value = link[column];
      return value instanceof Date ? value.toISOString() : String(value);
    });
    yield [...texts, copyBytes(head.hash)];
  }
}

/** Who placed an order, as reckonOrders says. */
function customerOf(shop: GeneratedShop, order: number): number {
  const regulars = regularsOf(shop);
  if (order % 10 === 0) return (order / 10) % regulars;
  return regulars + ((order * 7919) % (shop.customers - regulars));
}

/**
 * Fills the database of user: a profile and an address of each customer.
 *
 * @param client a connection
 * @param shop the shop
 */
export async function fillProfiles(client: pg.Client, { customers }: GeneratedShop): Promise<void> {
  const numbers = `generate_series(0, ${customers - 1}::bigint) as number`;
  await client.query(
    `insert into profile (id, email, first_name, last_name, create_time)
     select bench.customer(number), bench.email(number), bench.first_name(number), bench.last_name(number), ${made}
     from ${numbers}`,
  );
  await client.query(
    `insert into saved_address (id, user_id, is_default, name, line1, line2, city, region, postal_code, country_code,
       phone, create_time)
     select ${sqlId("address", "number", "bench.customer_ms(number)")}, bench.customer(number), true,
       bench.first_name(number) || ' ' || bench.last_name(number), 1 + number % 200 || ' Analytical Way', '', 'Berlin', '',
       (10115 + number % 4000)::text, 'DE', '', ${made}
     from ${numbers}`,
  );
}
