import type { Scope } from "#kit/scope.ts";
import type { OrderSql } from "../database.ts";
import type { IdleCoupon } from "../pricing/totals.ts";
import type { Shop } from "../shop.ts";
import { type CartChange, changesSince, type Seen, type Told, toSeen } from "./cart-changes.ts";
import { idleCouponsOf } from "./idle-coupons.ts";
import { type Circumstances, type PricedLine, type PricedLines, priceLines } from "./price-lines.ts";
import type { CartState, StoredCart, StoredLine } from "./read-cart.ts";
import type { Stock } from "./read-stock.ts";
import type { SaleVariants } from "./sale-variants.ts";
import { groupsOf, type Shopper } from "./shopper.ts";

/** A cart at today's prices. */
export interface PricedCart {
  readonly cart: StoredCart;
  readonly priced: PricedLines;
  /** The lines that are put aside. */
  readonly saved: readonly PricedLine[];
  /** How many are available, by line, where that is too few. */
  readonly short: ReadonlyMap<string, bigint>;
  /** Its coupons that take nothing off. */
  readonly idleCoupons: readonly IdleCoupon[];
  /** What changed on its own since the cart was last told. */
  readonly changes: readonly CartChange[];
  /** What is to be kept as told. */
  readonly seen: Seen;
}

/** A cart that is there. */
export type ExistingCart = CartState & { readonly cart: StoredCart };

/** What is known of a cart beside itself. */
export interface Known {
  readonly variants: SaleVariants;
  /** Nothing while inventory was not asked. */
  readonly stock?: Stock;
  /** The line that its owner just changed. */
  readonly ownLine?: string | undefined;
}

/**
 * What of the price of a cart does not follow from how it is shipped.
 *
 * @param shop what carts are handled with
 * @param db where promotions are read
 * @param shopper whose cart
 * @param state the cart
 * @param variants what product said of its variants
 * @param vatId the VAT number of the customer's company; "" where there is none
 */
export async function circumstancesOf(
  shop: Shop,
  db: OrderSql,
  shopper: Shopper,
  state: ExistingCart,
  variants: SaleVariants,
  vatId = "",
): Promise<Circumstances> {
  const { cart, candidates, isNew } = state;
  return {
    currency: cart.currency,
    variants,
    customer: { groups: groupsOf(shopper, state), isNew, vatId },
    offers: await shop.readOffers(db, candidates),
    tax: shop.tax,
  };
}

/**
 * Prices a cart and says what changed in it.
 *
 * @param shop what carts are handled with
 * @param db where promotions are read
 * @param shopper whose cart
 * @param state the cart
 * @param known what is known beside it
 */
export async function priceCart(
  shop: Shop,
  db: OrderSql,
  shopper: Shopper,
  state: ExistingCart,
  { variants, stock, ownLine }: Known,
): Promise<PricedCart> {
  const { cart } = state;
  const circumstances = await circumstancesOf(shop, db, shopper, state, variants);
  const priced = priceLines(state.lines, circumstances);
  const saved = priceLines(state.saved, { ...circumstances, offers: [] }).lines;
  const told: Told = {
    lines: priced.lines,
    saved,
    short: shortLines(state.lines, stock ?? new Map()),
    codes: cart.couponCodes,
    applied: priced.totals.discounts.map(({ couponCode }) => couponCode).filter((code) => code !== ""),
  };
  const changes = changesSince(cart.seen, told, ownLine);
  const seen = toSeen(told, cart.seen);
  // What is in stock was told before and may be true still.
  if (stock === undefined && cart.seen.short !== undefined) Object.assign(seen, { short: cart.seen.short });
  const idleCoupons = idleCouponsOf(cart, state, priced.totals);
  return { cart, priced, saved, short: told.short, idleCoupons, changes, seen };
}

/**
 * Keeps what is told of a cart, unless nothing is new in it.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param told the cart as it is told
 */
export async function keepSeen(shop: Shop, scope: Scope, { cart, seen }: PricedCart): Promise<void> {
  if (JSON.stringify(inOrder(seen)) === JSON.stringify(inOrder(cart.seen))) return;
  const keeping = shop.db.sql
    .updateTable("cart")
    .set({ seen })
    .where("id", "=", cart.id)
    .where("version", "=", cart.version)
    .returning("id");
  await shop.db.change(scope, keeping.compile());
}

/** Lines of which less is in stock than all lines of their variant ask for together. */
function shortLines(lines: readonly StoredLine[], stock: Stock): Map<string, bigint> {
  const short = new Map<string, bigint>();
  const left = new Map(stock);
  for (const { id, variantId, quantity } of lines) {
    const available = left.get(variantId);
    if (available === undefined) continue;
    if (available < quantity) short.set(id, available);
    left.set(variantId, available > quantity ? available - quantity : 0n);
  }
  return short;
}

/** The database keeps the keys of objects in an order of its own. */
function inOrder({ prices = {}, titles = {}, short = {}, applied = [] }: Seen) {
  const entries = (record: object) => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
  return [entries(prices), entries(titles), entries(short), applied];
}
