import { uuidv7 } from "uuidv7";
import type { Scope } from "#kit/scope.ts";
import type { OrderTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { Shop } from "../shop.ts";
import {
  type Adding,
  addLine,
  addLineTo,
  cartNotFound,
  openCart,
  removeLines,
  setQuantity,
  touchCart,
} from "./cart-rows.ts";
import { currencyOf, requireCurrency, requireFits, requireOnSale, requireVersion } from "./cart-rules.ts";
import { type ExistingCart, keepSeen, type PricedCart, priceCart } from "./price-cart.ts";
import { type CartState, readCart, type StoredCart, type StoredLine } from "./read-cart.ts";
import { groupsOf, type Shopper } from "./shopper.ts";

/**
 * A cart at today's prices. A customer's is made when there is none yet.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param shopper whose cart
 * @throws SoukError CART_NOT_FOUND
 */
export async function getCart(shop: Shop, scope: Scope, shopper: Shopper): Promise<PricedCart> {
  const state = await readCart(shop.db.sql, shopper.owner);
  if (state.cart !== undefined) return tell(shop, scope, shopper, { ...state, cart: state.cart });
  if ("tokenHash" in shopper.owner) throw cartNotFound();
  const cart = await openCart(shop.db.sql, shopper.owner.customerId, shop.currency);
  return tell(shop, scope, shopper, { ...state, cart });
}

/** What to add to a cart. */
export interface Item extends Omit<StoredLine, "id"> {
  /** The currency that the cart shall have when it is empty; "" for the shop's. */
  readonly currency: string;
  /** The version that the cart must have; any when left out. */
  readonly version?: number | undefined;
}

/**
 * Adds a quantity of a variant to a cart. Of calls that come at once none is lost.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param shopper whose cart
 * @param wanted what to add; the variant's id in lower case
 * @param answer makes the answer, which is kept under the call's idempotency key
 * @throws SoukError VARIANT_NOT_FOUND, CURRENCY_MISMATCH, CART_TOO_LARGE, CART_NOT_FOUND or ETAG_MISMATCH
 */
export async function addItem<R>(
  shop: Shop,
  scope: Scope,
  shopper: Shopper,
  { currency: asked, version, ...item }: Item,
  answer: (cart: PricedCart) => R,
): Promise<R> {
  const { owner } = shopper;
  const before = await readCart(shop.db.sql, owner);
  if (before.cart === undefined && "tokenHash" in owner) throw cartNotFound();
  const currency = currencyOf(shop, before, asked);
  const market = { currency, groups: groupsOf(shopper, before) };
  const variants = await shop.readSaleVariants(scope, market, [item.variantId, ...variantsOf(before)]);
  const known = sameLine(before.lines, item);
  const adding: Adding = { owner, currency, item, newId: known?.id ?? uuidv7() };
  if (scope.idempotency === undefined) {
    requireVersion(before.cart, version);
    requireOnSale(variants, item, currency);
    const lines = withLine(before.lines, { ...item, id: adding.newId }, known);
    requireFits(lines, before.saved);
    const cart = { ...NEW_CART, ...before.cart, currency };
    const told = await priceCart(
      shop,
      shop.db.sql,
      shopper,
      { ...before, cart, lines },
      { variants, ownLine: known?.id },
    );
    const added = await addLineTo(shop.db, scope, { ...adding, seen: told.seen }, before.cart?.version ?? 0);
    if (added !== undefined) return answer({ ...told, cart: added.cart });
  }
  // Somebody else was faster, or the answer is kept.
  return shop.db.write(scope, async (tx) => {
    const { line } = await addLine(tx.sql, adding, version);
    const state = await existing(tx, shopper);
    requireFits(state.lines, state.saved);
    requireCurrency(state.cart, asked);
    const isOther = state.cart.currency !== currency;
    const all = await shop.readSaleVariants(
      scope,
      { currency: state.cart.currency, groups: groupsOf(shopper, state) },
      variantsOf(state),
      // Asks only for what somebody else put into the cart since; no other transaction waits for a service.
      isOther ? undefined : variants,
    );
    requireOnSale(all, line, state.cart.currency);
    return answer(await priceCart(shop, tx.sql, shopper, state, { variants: all, ownLine: line.id }));
  });
}

/**
 * Sets the quantity of a line of a cart.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param shopper whose cart
 * @param change the line and how many; 0 removes it, also when it is gone already
 * @throws SoukError LINE_NOT_FOUND, CART_NOT_FOUND or ETAG_MISMATCH
 */
export async function updateItem(
  shop: Shop,
  scope: Scope,
  shopper: Shopper,
  change: { readonly lineId: string; readonly quantity: bigint; readonly version: number | undefined },
): Promise<PricedCart> {
  const { lineId, quantity, version } = change;
  return changeCart(shop, scope, shopper, { version, ownLine: lineId }, async (tx, cart) => {
    const known = await setQuantity(tx.sql, cart.id, lineId, quantity);
    if (!known && quantity > 0n) throw lineNotFound(lineId);
  });
}

/**
 * Removes every line of a cart but those that are put aside.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param shopper whose cart
 * @param version the version that it must have; any when left out
 * @throws SoukError CART_NOT_FOUND or ETAG_MISMATCH
 */
export async function clearCart(
  shop: Shop,
  scope: Scope,
  shopper: Shopper,
  version: number | undefined,
): Promise<PricedCart> {
  return changeCart(shop, scope, shopper, { version }, (tx, cart) => removeLines(tx.sql, cart.id));
}

/**
 * Changes a cart in one transaction in which it is touched, and tells it as it is then.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param shopper whose cart
 * @param condition the version that it must have, and the line that its owner changes
 * @param change makes the change
 * @throws SoukError CART_NOT_FOUND, CART_TOO_LARGE or ETAG_MISMATCH
 */
export async function changeCart(
  shop: Shop,
  scope: Scope,
  shopper: Shopper,
  { version, ownLine }: { readonly version: number | undefined; readonly ownLine?: string },
  change: (tx: OrderTransaction, cart: StoredCart) => Promise<void>,
): Promise<PricedCart> {
  const state = await shop.db.write(scope, async (tx) => {
    await change(tx, await touchCart(tx.sql, shopper.owner, shop.currency, version));
    const state = await existing(tx, shopper);
    requireFits(state.lines, state.saved);
    return state;
  });
  return tell(shop, scope, shopper, state, ownLine);
}

/**
 * Tells a cart at today's prices and with what is in stock, and keeps what was told.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param shopper whose cart
 * @param state the cart
 * @param ownLine the line that its owner just changed
 */
async function tell(
  shop: Shop,
  scope: Scope,
  shopper: Shopper,
  state: ExistingCart,
  ownLine?: string,
): Promise<PricedCart> {
  const market = { currency: state.cart.currency, groups: groupsOf(shopper, state) };
  const [variants, stock] = await Promise.all([
    shop.readSaleVariants(scope, market, variantsOf(state)),
    shop.readStock(
      scope,
      state.lines.map(({ variantId }) => variantId),
    ),
  ]);
  const told = await priceCart(shop, shop.db.sql, shopper, state, { variants, stock, ownLine });
  await keepSeen(shop, scope, told);
  return told;
}

/** The cart that a transaction has just touched. */
async function existing(tx: OrderTransaction, { owner }: Shopper): Promise<ExistingCart> {
  const state = await readCart(tx.sql, owner);
  if (state.cart === undefined) throw cartNotFound();
  return { ...state, cart: state.cart };
}

/** The refusal of a line that the cart does not have. */
export function lineNotFound(lineId: string) {
  return refuse(ErrorReason.LINE_NOT_FOUND, `the cart has no line ${lineId}; read the cart again`);
}

/** What a cart is before it is there. */
const NEW_CART: StoredCart = {
  id: "",
  currency: "",
  version: 0,
  ordersBegun: 0,
  couponCodes: [],
  seen: {},
  updateTime: new Date(0),
};

function variantsOf({ lines, saved }: Pick<CartState, "lines" | "saved">): string[] {
  return [...lines, ...saved].map(({ variantId }) => variantId);
}

function sameLine(lines: readonly StoredLine[], item: Omit<StoredLine, "id">): StoredLine | undefined {
  return lines.find(({ variantId, note }) => variantId === item.variantId && note === item.note);
}

/** What the lines will be with more of one, or with a new one. */
function withLine(
  lines: readonly StoredLine[],
  line: StoredLine,
  known: StoredLine | undefined,
): StoredLine[] {
  if (known === undefined) return [...lines, line];
  return lines.map((it) => (it === known ? { ...it, quantity: it.quantity + line.quantity } : it));
}
