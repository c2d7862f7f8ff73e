import { fromJson, type JsonObject, toJson } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { PromotionTermsSchema } from "#gen/souk/order/v1/promotion_pb.ts";
import type { OrderSql, OrderTransaction } from "../database.ts";
import type { Offer } from "../pricing/order-to-price.ts";

/** Promotions that an order would use, and that were used as often as they may be. */
export class UsedUp extends Error {
  override readonly name = "UsedUp";
  /** In the order in which they apply. */
  readonly offers: readonly UsedUpOffer[];

  constructor(offers: readonly UsedUpOffer[]) {
    super(`used up: ${offers.map(({ id }) => id).join(", ")}`);
    this.offers = offers;
  }
}

/** A promotion that was used as often as it may be. */
export interface UsedUpOffer extends Offer {
  readonly usedUp: "in all" | "by customer";
}

/**
 * Uses promotions for an order. Those with limits are locked in the order of their ids and counted with one
 * statement, the others with the end of the transaction.
 *
 * @param tx the transaction that prepares the order
 * @param orderId the order
 * @param customerKey under which the uses of its customer are counted
 * @param offers the promotions that take something off
 * @throws UsedUp when there is no use left of one; the transaction must not commit then
 */
export async function usePromotions(
  tx: OrderTransaction,
  orderId: string,
  customerKey: string,
  offers: readonly Offer[],
): Promise<void> {
  if (offers.length === 0) return;
  const limited = offers.filter(hasLimit);
  if (limited.length > 0) {
    const ids = limited.map(({ id }) => id);
    const { rows } = await sql<{ id: string; for_customer: boolean }>`
      with used as (
        update promotion p set used = used + 1
        where id in (select id from promotion where id = any(${ids}) order by id for update)
          and (usage_limit = 0 or used < usage_limit)
        returning id, usage_limit_per_customer
      ), used_by as (
        insert into promotion_customer as c (promotion_id, customer_key, used)
        select id, ${customerKey}, 1 from used where usage_limit_per_customer > 0 order by id
        on conflict (promotion_id, customer_key) do update set used = c.used + 1
          where c.used < (select usage_limit_per_customer from promotion where id = c.promotion_id)
        returning promotion_id
      )
      select id, usage_limit_per_customer = 0 or exists (select from used_by where promotion_id = id) as for_customer
      from used`.execute(tx.sql);
    const used = new Map(rows.map((row) => [row.id, row.for_customer]));
    const usedUp = limited.flatMap((offer): UsedUpOffer[] => {
      if (used.get(offer.id) === true) return [];
      return [{ ...offer, usedUp: used.has(offer.id) ? "by customer" : "in all" }];
    });
    if (usedUp.length > 0) throw new UsedUp(usedUp);
  }
  const rows = offers.map(({ id, terms, couponCode }) => ({
    order_id: orderId,
    promotion_id: id,
    customer_key: customerKey,
    terms: toJson(PromotionTermsSchema, { ...terms, couponCodes: [] }) as JsonObject,
    coupon_code: couponCode,
    counted: hasLimit({ terms }),
    counted_for_customer: terms.usageLimitPerCustomer > 0n,
  }));
  tx.finishWith(tx.sql.insertInto("promotion_use").values(rows).compile());
}

/**
 * The promotions that an order was placed with, as they were then.
 *
 * @param db where to read
 * @param orderId the order
 */
export async function promotionsOf(db: OrderSql, orderId: string): Promise<Offer[]> {
  const uses = await db
    .selectFrom("promotion_use")
    .select(["promotion_id", "terms", "coupon_code"])
    .where("order_id", "=", orderId)
    .execute();
  return uses.map((use) => ({
    id: use.promotion_id,
    terms: fromJson(PromotionTermsSchema, use.terms, { ignoreUnknownFields: true }),
    couponCode: use.coupon_code,
  }));
}

/**
 * Gives the uses of promotions back that an order had; again it changes nothing.
 *
 * @param tx the transaction in which the order comes to nothing
 * @param orderId the order
 */
export async function giveBackPromotions(
  { sql: db }: { readonly sql: OrderSql },
  orderId: string,
): Promise<void> {
  await sql`
    with given as (
      delete from promotion_use where order_id = ${orderId}
      returning promotion_id, customer_key, counted, counted_for_customer
    ), fewer as (
      update promotion set used = used - 1
      where used > 0 and id in (
        select id from promotion where id in (select promotion_id from given where counted) order by id for update)
    )
    update promotion_customer c set used = c.used - 1 from given
    where c.promotion_id = given.promotion_id and c.customer_key = given.customer_key
      and given.counted_for_customer and c.used > 0`.execute(db);
}

/** Whether a promotion can be used up. */
export function hasLimit({ terms }: Pick<Offer, "terms">): boolean {
  return terms.usageLimit > 0n || terms.usageLimitPerCustomer > 0n;
}
