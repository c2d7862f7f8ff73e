import { MeshReason, refuseMesh } from "#kit/error.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { Shop } from "../shop.ts";
import type { CartState, StoredCart, StoredLine } from "./read-cart.ts";
import { type SaleVariants, unitPriceOf } from "./sale-variants.ts";

/** How many lines a cart may have. */
export const MAX_LINES = 100;
/** How many lines may be put aside; with the others they are as many as product is asked for at once. */
const MAX_SAVED = 99;
/** How many of a variant a line may hold. */
export const MAX_QUANTITY = 999n;

/**
 * The currency that a cart will have.
 *
 * @param shop whose usual one it has otherwise
 * @param state the cart as it is
 * @param asked an ISO 4217 code; "" for any
 * @throws SoukError CURRENCY_MISMATCH
 */
export function currencyOf(shop: Shop, { cart, lines, saved }: CartState, asked: string): string {
  if (cart === undefined) return asked || shop.currency;
  if (lines.length + saved.length === 0) return asked || cart.currency;
  requireCurrency(cart, asked);
  return cart.currency;
}

/**
 * Requires that the shop sells something in a currency.
 *
 * @param shop what carts are handled with
 * @param currency an ISO 4217 code; "" for the shop's
 * @throws SoukError CURRENCY_NOT_SOLD
 */
export function requireSold({ currency: own, shipping }: Shop, currency: string): void {
  if (currency === "" || currency === own || shipping.currencies.has(currency)) return;
  const known = [...new Set([own, ...shipping.currencies])].join(", ");
  const description = `${currency} is not one that this shop sells in; take one of ${known}`;
  throw refuse(ErrorReason.CURRENCY_NOT_SOLD, `currency ${description}`, {
    metadata: { currency, known },
    violations: [{ field: "currency", description }],
  });
}

/**
 * Requires that a cart is in a currency.
 *
 * @param cart the cart
 * @param asked an ISO 4217 code; "" for any
 * @throws SoukError CURRENCY_MISMATCH
 */
export function requireCurrency({ currency }: StoredCart, asked: string): void {
  if (asked === "" || asked === currency) return;
  throw refuse(
    ErrorReason.CURRENCY_MISMATCH,
    `the cart is in ${currency}, not in ${asked}; empty it first, or leave the currency out`,
    { metadata: { cart_currency: currency, currency: asked } },
  );
}

/**
 * Requires that a cart is as its owner knows it.
 *
 * @param cart the cart; undefined while there is none
 * @param version as known; any when left out
 * @throws SoukError ETAG_MISMATCH
 */
export function requireVersion(cart: StoredCart | undefined, version: number | undefined): void {
  if (version === undefined || version === (cart?.version ?? 0)) return;
  throw refuseMesh(
    MeshReason.ETAG_MISMATCH,
    "the cart was changed since it was read; read it again and repeat the change",
  );
}

/**
 * Requires that a line can be bought in a currency.
 *
 * @param variants what is on sale
 * @param line the line
 * @param currency an ISO 4217 code
 * @throws SoukError VARIANT_NOT_FOUND or CURRENCY_MISMATCH
 */
export function requireOnSale(
  variants: SaleVariants,
  { variantId, quantity }: Omit<StoredLine, "id">,
  currency: string,
): void {
  const sale = variants.get(variantId);
  if (sale === undefined) {
    throw refuse(
      ErrorReason.VARIANT_NOT_FOUND,
      `there is no variant ${variantId} on sale; read the product again`,
    );
  }
  if (unitPriceOf(sale, currency, quantity) !== undefined) return;
  const variantCurrency = sale.variant?.price?.currency ?? "";
  throw refuse(
    ErrorReason.CURRENCY_MISMATCH,
    `the variant is sold in ${variantCurrency} and the cart is in ${currency}; one cart holds one currency`,
    { metadata: { variant_id: variantId, variant_currency: variantCurrency, cart_currency: currency } },
  );
}

/**
 * Requires that a cart is not too large.
 *
 * @param lines its lines
 * @param saved those that are put aside
 * @throws SoukError CART_TOO_LARGE
 */
export function requireFits(lines: readonly StoredLine[], saved: readonly StoredLine[]): void {
  if (lines.length > MAX_LINES) {
    throw refuse(ErrorReason.CART_TOO_LARGE, `a cart holds ${MAX_LINES} lines; remove one first`, {
      metadata: { limit: String(MAX_LINES) },
    });
  }
  if (saved.length > MAX_SAVED) {
    throw refuse(ErrorReason.CART_TOO_LARGE, `${MAX_SAVED} lines can be put aside; remove one first`, {
      metadata: { limit: String(MAX_SAVED) },
    });
  }
  const large = [...lines, ...saved].find(({ quantity }) => quantity > MAX_QUANTITY);
  if (large === undefined) return;
  throw refuse(
    ErrorReason.CART_TOO_LARGE,
    `a line holds ${MAX_QUANTITY} and would hold ${large.quantity}; add fewer`,
    { metadata: { limit: String(MAX_QUANTITY), line_id: large.id, variant_id: large.variantId } },
  );
}
