import type { Scope } from "#kit/scope.ts";
import type { OrderSql, OrderTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { Shop } from "../shop.ts";
import { changeCart } from "./cart.ts";
import { MAX_COUPONS } from "./guest-cart.ts";
import type { PricedCart } from "./price-cart.ts";
import { type Candidate, readCart, type StoredCart } from "./read-cart.ts";
import type { Shopper } from "./shopper.ts";

/** A coupon code to add or to take off. */
export interface CouponChange {
  readonly code: string;
  /** The version that the cart must have; any when left out. */
  readonly version: number | undefined;
}

/**
 * Adds a coupon code to a cart; one that is there stays. Whether it takes something off follows from what is in the
 * cart, now and later.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param shopper whose cart
 * @param change the code, as it was written
 * @throws SoukError COUPON_INVALID, COUPON_EXHAUSTED, TOO_MANY_COUPONS, CART_NOT_FOUND or ETAG_MISMATCH
 */
export async function applyCoupon(
  shop: Shop,
  scope: Scope,
  shopper: Shopper,
  { code, version }: CouponChange,
): Promise<PricedCart> {
  const normal = normalCode(code);
  return changeCart(shop, scope, shopper, { version }, async (tx, cart) => {
    if (cart.couponCodes.includes(normal)) return;
    if (cart.couponCodes.length >= MAX_COUPONS) {
      throw refuse(ErrorReason.TOO_MANY_COUPONS, `a cart takes ${MAX_COUPONS} coupons; take one off first`, {
        metadata: { limit: String(MAX_COUPONS) },
      });
    }
    await setCodes(tx, cart, [...cart.couponCodes, normal]);
    const { candidates } = await readCart(tx.sql, shopper.owner);
    const candidate = candidates.find((it) => it.code === normal);
    if (candidate === undefined) throw await couponInvalid(tx.sql, normal, candidates);
    if (candidate.usedUp !== "") throw couponExhausted(normal, candidate.usedUp);
  });
}

/**
 * Takes a coupon code off a cart; one that is not there is no error.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param shopper whose cart
 * @param change the code, as it was written
 * @throws SoukError CART_NOT_FOUND or ETAG_MISMATCH
 */
export async function removeCoupon(
  shop: Shop,
  scope: Scope,
  shopper: Shopper,
  { code, version }: CouponChange,
): Promise<PricedCart> {
  const normal = normalCode(code);
  return changeCart(shop, scope, shopper, { version }, async (tx, cart) => {
    const left = cart.couponCodes.filter((it) => it !== normal);
    if (left.length < cart.couponCodes.length) await setCodes(tx, cart, left);
  });
}

/**
 * The refusal of a coupon that was used as often as it may be.
 *
 * @param code the code
 * @param usedUp in all, or by this customer
 */
export function couponExhausted(code: string, usedUp: string) {
  const who = usedUp === "in all" ? "" : " by you";
  return refuse(
    ErrorReason.COUPON_EXHAUSTED,
    `coupon ${code} was used${who} as often as it may be; take it off the cart`,
    { metadata: { coupon_code: code, used_up: usedUp } },
  );
}

async function couponInvalid(db: OrderSql, code: string, candidates: readonly Candidate[]) {
  const promotion = await db
    .selectFrom("promotion_code")
    .innerJoin("promotion", "promotion.id", "promotion_id")
    .select(["promotion.id", "start_time", "end_time"])
    .where("code", "=", code)
    .executeTakeFirst();
  const sameOne = candidates.find(({ id }) => id === promotion?.id);
  const [why, message] =
    promotion === undefined
      ? (["unknown", "there is no such coupon; look whether it is written correctly"] as const)
      : sameOne !== undefined
        ? (["twice", `it does the same as coupon ${sameOne.code}, which is in the cart`] as const)
        : promotion.start_time > new Date()
          ? (["not yet", `it counts from ${promotion.start_time.toISOString()} on`] as const)
          : (["over", "it no longer counts"] as const);
  return refuse(ErrorReason.COUPON_INVALID, `coupon ${code} cannot be added: ${message}`, {
    metadata: { coupon_code: code, why },
  });
}

async function setCodes(tx: OrderTransaction, { id }: StoredCart, codes: readonly string[]): Promise<void> {
  await tx.sql
    .updateTable("cart")
    .set({ coupon_codes: [...codes] })
    .where("id", "=", id)
    .execute();
}

function normalCode(code: string): string {
  return code.trim().toUpperCase();
}
