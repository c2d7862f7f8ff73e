import type { Scope } from "#kit/scope.ts";
import {
  addLine,
  addLineTo,
  openCart,
  readCart,
  readLines,
  removeLines,
  type StoredCart,
  type StoredLine,
  setQuantity,
  touchCart,
} from "./cart-rows.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { type PricedLines, priceLines } from "./price-lines.ts";
import { type SaleVariants, unitPriceOf } from "./sale-variants.ts";
import type { Shop } from "./shop.ts";

/** How many lines a cart may have. */
const MAX_LINES = 100;
/** How many of a variant a line may hold. */
const MAX_QUANTITY = 999n;

/** A cart at today's prices. */
export interface PricedCart {
  readonly cart: StoredCart;
  readonly priced: PricedLines;
}

/**
 * A customer's cart at today's prices; it is made when there is none yet.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param customerId whose cart
 */
export async function getCart(shop: Shop, scope: Scope, customerId: string): Promise<PricedCart> {
  const found = await readCart(shop.db.sql, customerId);
  if (found === undefined) {
    return priced(shop, await openCart(shop.db.sql, customerId, shop.currency), [], new Map());
  }
  return priced(shop, found.cart, found.lines, await shop.readSaleVariants(scope, variantsOf(found.lines)));
}

/**
 * Adds a quantity of a variant to a customer's cart. Of calls that come at once none is lost.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param customerId whose cart
 * @param item what to add; the variant's id in lower case
 * @param answer makes the answer, which is kept under the call's idempotency key
 * @throws SoukError VARIANT_NOT_FOUND, CURRENCY_MISMATCH or CART_TOO_LARGE
 */
export async function addItem<R>(
  shop: Shop,
  scope: Scope,
  customerId: string,
  item: Omit<StoredLine, "id">,
  answer: (cart: PricedCart) => R,
): Promise<R> {
  const before = await readCart(shop.db.sql, customerId);
  const known = before?.lines ?? [];
  const { version, currency } = before?.cart ?? { version: 0, currency: shop.currency };
  const variants = await shop.readSaleVariants(scope, [item.variantId, ...variantsOf(known)]);
  if (scope.idempotency === undefined) {
    requireOnSale(variants, item.variantId, currency);
    requireFits(withItem(known, item));
    const added = await addLineTo(shop.db, scope, customerId, currency, item, version);
    if (added !== undefined) return answer(priced(shop, added.cart, withLine(known, added.line), variants));
  }
  // Somebody else was faster, or the answer is kept.
  return shop.db.write(scope, async (tx) => {
    const { cart, line } = await addLine(tx.sql, customerId, shop.currency, item);
    const isUnchanged = cart.version === version + 1;
    const lines = isUnchanged ? withLine(known, line) : await readLines(tx.sql, cart.id);
    requireOnSale(variants, item.variantId, cart.currency);
    requireFits(lines);
    // Asks only for what somebody else put into the cart since; no other transaction waits for a service.
    const all = await shop.readSaleVariants(scope, variantsOf(lines), variants);
    return answer(priced(shop, cart, lines, all));
  });
}

/**
 * Sets the quantity of a line of a customer's cart.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param customerId whose cart
 * @param lineId the line
 * @param quantity how many; 0 removes the line, also when it is gone already
 * @throws SoukError LINE_NOT_FOUND
 */
export async function updateItem(
  shop: Shop,
  scope: Scope,
  customerId: string,
  lineId: string,
  quantity: bigint,
): Promise<PricedCart> {
  const { cart, lines } = await shop.db.write(scope, async (tx) => {
    const cart = await touchCart(tx.sql, customerId, shop.currency);
    const [known, lines] = await Promise.all([
      setQuantity(tx.sql, cart.id, lineId, quantity),
      readLines(tx.sql, cart.id),
    ]);
    if (!known && quantity > 0n) {
      throw refuse(ErrorReason.LINE_NOT_FOUND, `the cart has no line ${lineId}; read the cart again`);
    }
    return { cart, lines };
  });
  return priced(shop, cart, lines, await shop.readSaleVariants(scope, variantsOf(lines)));
}

/**
 * Removes every line of a customer's cart.
 *
 * @param shop what carts are handled with
 * @param scope the call
 * @param customerId whose cart
 */
export async function clearCart(shop: Shop, scope: Scope, customerId: string): Promise<PricedCart> {
  const cart = await shop.db.write(scope, async (tx) => {
    const cart = await touchCart(tx.sql, customerId, shop.currency);
    await removeLines(tx.sql, cart.id);
    return cart;
  });
  return priced(shop, cart, [], new Map());
}

function priced(
  shop: Shop,
  cart: StoredCart,
  lines: readonly StoredLine[],
  variants: SaleVariants,
): PricedCart {
  const customer = { groups: [], isNew: false, vatId: "" };
  const { currency } = cart;
  return { cart, priced: priceLines(lines, { currency, variants, customer, offers: [], tax: shop.tax }) };
}

function requireOnSale(variants: SaleVariants, variantId: string, currency: string): void {
  const sale = variants.get(variantId);
  if (sale === undefined) {
    throw refuse(
      ErrorReason.VARIANT_NOT_FOUND,
      `there is no variant ${variantId} on sale; read the product again`,
    );
  }
  if (unitPriceOf(sale, currency, MAX_QUANTITY) !== undefined) return;
  const variantCurrency = sale.variant?.price?.currency ?? "";
  throw refuse(
    ErrorReason.CURRENCY_MISMATCH,
    `the variant is sold in ${variantCurrency} and the cart is in ${currency}; one cart holds one currency`,
    { metadata: { variant_id: variantId, variant_currency: variantCurrency, cart_currency: currency } },
  );
}

function requireFits(lines: readonly StoredLine[]): void {
  if (lines.length > MAX_LINES) {
    throw refuse(ErrorReason.CART_TOO_LARGE, `a cart holds ${MAX_LINES} lines; remove one first`, {
      metadata: { limit: String(MAX_LINES) },
    });
  }
  const large = lines.find(({ quantity }) => quantity > MAX_QUANTITY);
  if (large === undefined) return;
  throw refuse(
    ErrorReason.CART_TOO_LARGE,
    `a line holds ${MAX_QUANTITY} and would hold ${large.quantity}; add fewer`,
    { metadata: { limit: String(MAX_QUANTITY), line_id: large.id, variant_id: large.variantId } },
  );
}

/** What the lines will be with an item more. */
function withItem(lines: readonly StoredLine[], item: Omit<StoredLine, "id">): StoredLine[] {
  const same = lines.find(({ variantId, note }) => variantId === item.variantId && note === item.note);
  const quantity = item.quantity + (same?.quantity ?? 0n);
  return withLine(lines, { ...item, id: same?.id ?? "", quantity });
}

/** New lines come last. */
function withLine(lines: readonly StoredLine[], line: StoredLine): StoredLine[] {
  const index = lines.findIndex(({ id }) => id === line.id);
  return index < 0 ? [...lines, line] : lines.with(index, line);
}

function variantsOf(lines: readonly StoredLine[]): string[] {
  return lines.map(({ variantId }) => variantId);
}
