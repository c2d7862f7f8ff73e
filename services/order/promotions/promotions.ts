import { fromJson, type JsonObject, toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type Selectable, sql } from "kysely";
import { uuidv7 } from "uuidv7";
import { PromotionChangedSchema } from "#gen/souk/order/v1/events_pb.ts";
import {
  PromotionState,
  type PromotionTerms,
  PromotionTermsSchema,
} from "#gen/souk/order/v1/promotion_pb.ts";
import type { Tables } from "#kit/data/tables.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import type { OrderDatabase, OrderSql, OrderTransaction } from "../database.ts";
import type { entities } from "../entities.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { Shop } from "../shop.ts";
import { checkReferences } from "./check-references.ts";
import { checkTerms } from "./check-terms.ts";

/** A promotion as it is stored; `used` is how many orders use it, whether it has a limit or not. */
export type StoredPromotion = Selectable<Tables<typeof entities>["promotion"]>;

/**
 * Makes a promotion.
 *
 * @param shop what orders are handled with
 * @param scope the call
 * @param terms what it does, and when; ids in lower case
 * @param answer makes the answer, which is kept under the call's idempotency key
 * @throws SoukError PROMOTION_INVALID or COUPON_CODE_TAKEN
 */
export async function createPromotion<R>(
  shop: Shop,
  scope: Scope,
  terms: PromotionTerms,
  answer: (promotion: StoredPromotion) => R,
): Promise<R> {
  checkTerms(terms);
  await checkReferences(shop, scope, terms);
  return shop.db.write(scope, async (tx) => {
    const made = await tx.sql
      .insertInto("promotion")
      .values({ id: uuidv7(), ...columnsOf(terms) })
      .returningAll()
      .executeTakeFirstOrThrow();
    await takeCodes(tx, made.id, terms.couponCodes);
    tx.emit(PromotionChangedSchema, { promotionId: made.id });
    return answer(made);
  });
}

/**
 * Changes a promotion. Orders that are placed keep what they got; where a limit is new, they count.
 *
 * @param shop what orders are handled with
 * @param scope the call
 * @param id the promotion
 * @param version the version that it must have; any when left out
 * @param change makes the new terms of the old
 * @throws SoukError PROMOTION_NOT_FOUND, PROMOTION_INVALID, COUPON_CODE_TAKEN or ETAG_MISMATCH
 */
export async function updatePromotion(
  shop: Shop,
  scope: Scope,
  id: string,
  version: number | undefined,
  change: (terms: PromotionTerms) => PromotionTerms,
): Promise<StoredPromotion> {
  const { db } = shop;
  // Before the transaction, for none waits for a service; what the terms name beside it was checked when it was stored.
  const before = termsOf(await requirePromotion(db.sql, id));
  await checkReferences(shop, scope, change(before), before);
  await db.write(scope, async (tx) => {
    const found = await tx.sql
      .selectFrom("promotion")
      .selectAll()
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirst();
    if (found === undefined) throw notFound(id);
    if (version !== undefined && version !== found.version) {
      const message = "the promotion was changed since it was read; read it again and repeat the change";
      throw refuseMesh(MeshReason.ETAG_MISMATCH, message);
    }
    const terms = change(termsOf(found));
    checkTerms(terms);
    const columns = columnsOf(terms);
    await tx.sql
      .updateTable("promotion")
      .set({ ...columns, start_time: startOf(terms, found.start_time), version: found.version + 1 })
      .where("id", "=", id)
      .execute();
    await tx.sql
      .deleteFrom("promotion_code")
      .where("promotion_id", "=", id)
      .where(sql<boolean>`code <> all(${terms.couponCodes})`)
      .execute();
    await takeCodes(tx, id, terms.couponCodes);
    await countUses(tx, found, columns);
    tx.emit(PromotionChangedSchema, { promotionId: id });
  });
  return requirePromotion(db.sql, id);
}

/**
 * Ends a promotion now; one that has ended stays as it is.
 *
 * @param db order's database
 * @param scope the call
 * @param id the promotion
 * @throws SoukError PROMOTION_NOT_FOUND
 */
export async function endPromotion(db: OrderDatabase, scope: Scope, id: string): Promise<StoredPromotion> {
  const ending = sql`
    update promotion
    set end_time = now(), terms = terms || jsonb_build_object('endTime', to_char(now() at time zone 'utc',
          'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')), version = version + 1
    where id = ${id} and (end_time is null or end_time > now())
    returning id`;
  await db.change(scope, ending.compile(db.sql), (tx) =>
    tx.emit(PromotionChangedSchema, { promotionId: id }),
  );
  return requirePromotion(db.sql, id);
}

/**
 * A promotion.
 *
 * @param db where to read
 * @param id the promotion
 * @throws SoukError PROMOTION_NOT_FOUND
 */
export async function requirePromotion(db: OrderSql, id: string): Promise<StoredPromotion> {
  const found = await withUses(db).where("id", "=", id).executeTakeFirst();
  if (found === undefined) throw notFound(id);
  return found;
}

/** Which promotions to list. */
export interface PromotionFilter {
  /** All when unspecified. */
  readonly state: PromotionState;
  /** All when "". */
  readonly couponCode: string;
}

/**
 * Promotions, the newest first.
 *
 * @param db where to read
 * @param filter which
 * @param limit how many at most
 * @param before the promotion after which to go on; from the newest when left out
 */
export async function listPromotions(
  db: OrderSql,
  { state, couponCode }: PromotionFilter,
  limit: number,
  before?: string,
): Promise<StoredPromotion[]> {
  return withUses(db)
    .$if(state !== PromotionState.UNSPECIFIED, (query) => query.where(IS_IN_STATE(state)))
    .$if(couponCode !== "", (query) =>
      query.where(sql<boolean>`id = (select promotion_id from promotion_code where code = ${couponCode})`),
    )
    .$if(before !== undefined, (query) => query.where("id", "<", before as string))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}

/**
 * What a promotion does, and when.
 *
 * @param promotion the promotion
 */
export function termsOf({ terms }: Pick<StoredPromotion, "terms">): PromotionTerms {
  return fromJson(PromotionTermsSchema, terms, { ignoreUnknownFields: true });
}

/**
 * How far a promotion is.
 *
 * @param promotion the promotion
 * @param now the time
 */
export function stateOf(
  { start_time, end_time, usage_limit, used }: StoredPromotion,
  now = new Date(),
): PromotionState {
  if (end_time !== null && end_time <= now) return PromotionState.ENDED;
  if (start_time > now) return PromotionState.SCHEDULED;
  return usage_limit > 0n && used >= usage_limit ? PromotionState.EXHAUSTED : PromotionState.ACTIVE;
}

/** The same as stateOf, for the database. */
const IS_IN_STATE = (state: PromotionState) => sql<boolean>`
  case when end_time <= now() then ${PromotionState.ENDED}::int
    when start_time > now() then ${PromotionState.SCHEDULED}::int
    when usage_limit > 0 and used >= usage_limit then ${PromotionState.EXHAUSTED}::int
    else ${PromotionState.ACTIVE}::int end = ${state}::int`;

function withUses(db: OrderSql) {
  const counted = sql<bigint>`case when usage_limit > 0 or usage_limit_per_customer > 0 then used
    else (select count(*) from promotion_use u where u.promotion_id = promotion.id) end`;
  return db
    .selectFrom("promotion")
    .select(["id", "terms", "automatic", "start_time", "end_time", "usage_limit", "usage_limit_per_customer"])
    .select(["version", "create_time", counted.as("used")]);
}

function columnsOf(terms: PromotionTerms) {
  return {
    terms: toJson(PromotionTermsSchema, terms) as JsonObject,
    automatic: terms.couponCodes.length === 0,
    start_time: startOf(terms, new Date()),
    end_time: terms.endTime === undefined ? null : timestampDate(terms.endTime),
    usage_limit: terms.usageLimit,
    usage_limit_per_customer: terms.usageLimitPerCustomer,
  };
}

function startOf({ startTime }: PromotionTerms, otherwise: Date): Date {
  return startTime === undefined ? otherwise : timestampDate(startTime);
}

async function takeCodes(tx: OrderTransaction, id: string, codes: readonly string[]): Promise<void> {
  if (codes.length === 0) return;
  await sql`
    insert into promotion_code (code, promotion_id) select unnest(${[...codes].sort()}::text[]), ${id}
    on conflict (code) do nothing`.execute(tx.sql);
  const other = await tx.sql
    .selectFrom("promotion_code")
    .selectAll()
    .where("code", "=", (it) => it.fn.any(it.val([...codes])))
    .where("promotion_id", "<>", id)
    .executeTakeFirst();
  if (other === undefined) return;
  throw refuse(
    ErrorReason.COUPON_CODE_TAKEN,
    `another promotion has the coupon code ${other.code}; take another one`,
    { metadata: { coupon_code: other.code, promotion_id: other.promotion_id } },
  );
}

/** Uses are counted only while there is a limit; when there is a new one, those of before count as well. */
async function countUses(
  { sql: db }: OrderTransaction,
  { id, ...before }: StoredPromotion,
  after: ReturnType<typeof columnsOf>,
): Promise<void> {
  const isLimited = (it: { usage_limit: bigint; usage_limit_per_customer: bigint }) =>
    it.usage_limit > 0n || it.usage_limit_per_customer > 0n;
  if (isLimited(after) && !isLimited(before)) {
    await sql`
      with counted as (
        update promotion_use set counted = true where promotion_id = ${id} and not counted returning order_id
      )
      update promotion set used = used + (select count(*) from counted) where id = ${id}`.execute(db);
  }
  if (after.usage_limit_per_customer > 0n && before.usage_limit_per_customer === 0n) {
    await sql`
      with counted as (
        update promotion_use set counted_for_customer = true
        where promotion_id = ${id} and not counted_for_customer returning customer_key
      )
      insert into promotion_customer as c (promotion_id, customer_key, used)
      select ${id}, customer_key, count(*) from counted group by customer_key order by customer_key
      on conflict (promotion_id, customer_key) do update set used = c.used + excluded.used`.execute(db);
  }
}

function notFound(id: string) {
  return refuse(
    ErrorReason.PROMOTION_NOT_FOUND,
    `there is no promotion ${id}; list the promotions to see which there are`,
  );
}
