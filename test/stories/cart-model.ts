import type { Buyer } from "./discounts.ts";
import {
  type CartLine,
  goodsAt,
  MOST_OF_A_LINE,
  type Model,
  type Ordered,
  type Promotion,
  type Shopper,
} from "./model.ts";
import { type Bill, reckon } from "./reckon.ts";

/** So many codes fit a cart. */
export const MOST_COUPONS = 5;

/** Whether something is in a cart or put aside, so that it keeps its currency. */
export function isUsed({ cart, saved }: Shopper): boolean {
  return cart.length + saved.length > 0;
}

/** The line of the same goods with the same note. */
export function lineOf(
  lines: readonly CartLine[],
  { goods, note }: Pick<Ordered, "goods" | "note">,
): CartLine | undefined {
  return lines.find((line) => line.goods === goods && line.note === note);
}

/**
 * Does in the model what AddItem should do.
 *
 * @param id of the line, should there be none yet
 */
export function addLine(model: Model, shopper: Shopper, item: Ordered, id = ""): void {
  const line = lineOf(shopper.cart, item);
  if (line === undefined) shopper.cart.push({ ...item, id, number: ++model.lines });
  else line.quantity += item.quantity;
}

/**
 * Does in the model what SaveForLater and MoveToCart should do.
 *
 * @param to where the line shall be
 * @returns whether it fits there
 */
export function moveLine(shopper: Shopper, line: CartLine, to: "cart" | "saved"): boolean {
  const from = to === "cart" ? "saved" : "cart";
  if (!shopper[from].includes(line)) return true;
  const known = lineOf(shopper[to], line);
  if ((known?.quantity ?? 0n) + line.quantity > MOST_OF_A_LINE) return false;
  shopper[from] = shopper[from].filter((it) => it !== line);
  if (known === undefined) shopper[to] = inOrder([...shopper[to], line]);
  else known.quantity += line.quantity;
  return true;
}

/**
 * Does in the model what MergeCart should do.
 *
 * @returns whether all of it fits
 */
export function mergeCart(guest: Shopper, customer: Shopper): boolean {
  const kinds = ["cart", "saved"] as const;
  const grownOf = (kind: (typeof kinds)[number]) =>
    guest[kind].map((line) => ({ line, known: lineOf(customer[kind], line) }));
  const fits = kinds.every((kind) =>
    grownOf(kind).every(({ line, known }) => (known?.quantity ?? 0n) + line.quantity <= MOST_OF_A_LINE),
  );
  if (!fits) return false;
  if (!isUsed(customer)) customer.currency = guest.currency;
  for (const kind of kinds) {
    for (const { line, known } of grownOf(kind)) {
      if (known === undefined) customer[kind] = inOrder([...customer[kind], line]);
      else known.quantity += line.quantity;
    }
    guest[kind] = [];
  }
  customer.codes = [...new Set([...customer.codes, ...guest.codes])].slice(0, MOST_COUPONS);
  guest.codes = [];
  return true;
}

function inOrder(lines: readonly CartLine[]): CartLine[] {
  return lines.toSorted((a, b) => a.number - b.number);
}

/** The promotions that have a code. */
export function couponsOf({ promotions }: Model): Promotion[] {
  return promotions.filter(({ code }) => code !== "");
}

/** The promotions that are not over and are automatic or in a cart, the oldest first. */
export function inForce({ promotions }: Model, { codes }: Shopper): Promotion[] {
  return promotions.filter(({ code, isOver }) => !isOver && (code === "" || codes.includes(code)));
}

/** How many orders of some shoppers use a promotion. */
export function usesOf(shoppers: readonly Shopper[], { id }: Promotion): number {
  const orders = shoppers.flatMap((shopper) => shopper.orders);
  return orders.filter(
    ({ isCancelled, uses }) => !isCancelled && uses.some((promotion) => promotion.id === id),
  ).length;
}

/**
 * Whether a promotion was used as often as it may be.
 *
 * @param isOrdered whether it is known who the shopper is: a guest says so with the order
 */
export function isUsedUp(
  { shoppers }: Model,
  promotion: Promotion,
  shopper: Shopper,
  isOrdered = false,
): boolean {
  const { limit, limitEach } = promotion;
  const isKnown = isOrdered || !shopper.isGuest;
  return (
    (limit > 0 && usesOf(shoppers, promotion) >= limit) ||
    (limitEach > 0 && isKnown && usesOf([shopper], promotion) >= limitEach)
  );
}

/**
 * What is in a cart comes to.
 *
 * @param method how it is shipped; not yet known when left out
 * @param isOrdered whether it is being ordered
 */
export function cartBill(model: Model, shopper: Shopper, method?: string, isOrdered = false): Bill {
  const { cart, currency } = shopper;
  const usable = inForce(model, shopper).filter((it) => !isUsedUp(model, it, shopper, isOrdered));
  const lines = cart.map(({ goods, quantity }) => {
    const { prices, product } = goodsAt(model, goods);
    return { price: prices[currency], quantity, product };
  });
  return reckon({ lines, currency, buyer: buyerOf(shopper), method }, usable);
}

function buyerOf({ isGuest, orders }: Shopper): Buyer {
  return { isGuest, isNew: !isGuest && orders.every(({ isCancelled }) => isCancelled) };
}
