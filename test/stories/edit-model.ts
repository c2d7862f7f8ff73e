import {
  goodsAt,
  MOST_OF_A_LINE,
  type Model,
  type Order,
  type Ordered,
  type OrderLine,
  portionsOf,
  type Shopper,
  tell,
} from "./model.ts";
import { cancelledOf, openPieces, sharesOf, stateOf, UNTOUCHED } from "./order-model.ts";
import { leftToTake, ownPayment } from "./order-money.ts";
import { newPayment } from "./payment-model.ts";
import { askedOf, DECLINING } from "./place-model.ts";
import { type Bill, type Priced, reckon, SHIPPING_METHODS, shippingFor } from "./reckon.ts";
import { type Goods, lackingOf, merge, type Portions, reduce, reserve } from "./warehouse.ts";

/** What is asked to change of an order. */
export interface Edit {
  /** How many there shall be of lines. */
  readonly quantities: ReadonlyMap<OrderLine, bigint>;
  readonly added: readonly Ordered[];
  readonly method: string;
  readonly city: string;
}

/** What an order would be. */
export interface EditPlan {
  readonly edit: Edit;
  readonly lines: readonly OrderLine[];
  readonly bill: Bill;
  /** What it would cost more than before, in cents. */
  readonly difference: bigint;
  /** What is to be set aside in addition, in cents. */
  readonly missing: bigint;
  readonly more: Portions;
  readonly less: Portions;
}

/**
 * What editing an order would make of it.
 *
 * @returns the plan, or the reason with which the edit is refused
 */
export function planEdit(model: Model, { isGuest }: Shopper, order: Order, edit: Edit): EditPlan | string {
  const { currency } = order;
  if (stateOf(order) !== "CONFIRMED") return "ORDER_NOT_EDITABLE";
  const kept = order.lines.map((line) => {
    const quantity = edit.quantities.get(line) ?? openPieces(line);
    const { discounted: _, ...rest } = line;
    return { ...rest, ...UNTOUCHED, id: line.id, quantity, ...offOf(order, line, quantity) };
  });
  const isSame =
    edit.added.length === 0 &&
    edit.method === order.method &&
    edit.city === order.city &&
    kept.every(({ quantity }, index) => quantity === openPieces(order.lines[index] as OrderLine));
  if (isSame) return "NOTHING_TO_CHANGE";
  const added = edit.added.map((line) => ({ ...line, ...UNTOUCHED, discounts: [], off: [] }));
  const all = [...kept.filter(({ quantity }) => quantity > 0n), ...added];
  if (all.length === 0) return "ORDER_NOT_EDITABLE";
  if (all.some(({ quantity }) => quantity > MOST_OF_A_LINE)) return "CART_TOO_LARGE";
  if (!SHIPPING_METHODS.includes(edit.method)) return "SHIPPING_METHOD_UNAVAILABLE";
  const priced = all.map(({ goods, quantity, off }) => {
    const { prices, product } = goodsAt(model, goods);
    return { price: prices[currency], quantity, product, off };
  });
  // Whose first order it was keeps what that brought.
  const buyer = { isGuest, isNew: true };
  const basket = { lines: priced, currency, buyer, method: edit.method };
  const bill = reckon({ ...basket, ...shippingMore(order, edit, priced) }, order.uses);
  const missing = bill.total - leftToTake(order);
  return {
    edit,
    lines: withDiscounts(
      all.map(({ off: _, ...line }) => line),
      bill,
    ),
    bill,
    difference: bill.total - (order.bill.total - cancelledOf(model, order)),
    missing: missing > 0n ? missing : 0n,
    ...changesOf(model, order, all),
  };
}

/**
 * What stays off a line of what replaces goods, and off how many pieces: of each discount the share of the pieces that
 * stay, rounded down. What does not replace goods gets its promotions anew.
 */
function offOf({ replaces, lines, bill }: Order, line: OrderLine, wanted: bigint) {
  if (replaces === undefined) return { off: [] };
  const stay = wanted < openPieces(line) ? wanted : openPieces(line);
  const { discounted = line.quantity } = line;
  const pieces = discounted < stay ? discounted : stay;
  const shares = sharesOf(line.discounts, line, stay);
  const off = (bill.lines[lines.indexOf(line)] ?? [])
    .map((it, index) => ({ ...it, amount: shares[index] ?? 0n }))
    .filter(({ amount }) => amount > 0n);
  return { off, ...(pieces < wanted && { discounted: pieces }) };
}

/** What replaces goods is sent like them for nothing; it pays what another way costs more. */
function shippingMore({ replaces, currency }: Order, { method }: Edit, lines: readonly Priced[]) {
  if (replaces === undefined) return {};
  const subtotal = lines.reduce((sum, { price, quantity }) => sum + price * quantity, 0n);
  const more = shippingFor(method, currency, subtotal) - shippingFor(replaces.method, currency, subtotal);
  return { shippingCost: more > 0n ? more : 0n };
}

/** Lines with what a bill takes off them. */
export function withDiscounts(lines: readonly OrderLine[], bill: Bill): OrderLine[] {
  return lines.map((line, index) => ({
    ...line,
    discounts: bill.lines[index]?.map(({ amount }) => amount) ?? [],
  }));
}

/**
 * What stands in the way of setting aside what is needed in addition.
 *
 * @param token of the card that pays; "" for none
 * @returns the reason; undefined where nothing does
 */
export function obstacleTo(more: Portions, missing: bigint, token: string): string | undefined {
  if (missing > 0n && token === "") return "PAYMENT_MISSING";
  if (lackingOf(more).size > 0) return "OUT_OF_STOCK";
  return missing > 0n && DECLINING.includes(token) ? "PAYMENT_DECLINED" : undefined;
}

/**
 * Does in the model what editing an order should do.
 *
 * @param token of the card that pays
 */
export function applyEdit(shopper: Shopper, order: Order, plan: EditPlan, token: string): void {
  const { edit, lines, bill, missing, more, less } = plan;
  merge(order.reservation, reserve(more));
  reduce(order.reservation, less);
  if (missing > 0n) {
    const asked = askedOf(shopper, order.currency, token);
    const payment = newPayment({ ...asked, amount: missing, declined: false });
    order.paid.push(payment);
    order.payments.push(ownPayment(payment));
  }
  Object.assign(order, { lines, bill, method: edit.method, city: edit.city });
  tell(shopper, { topic: "order-edited", order });
}

function changesOf(model: Model, order: Order, lines: readonly Ordered[]) {
  const open = order.lines.map((line) => ({ ...line, quantity: openPieces(line) }));
  const [before, after] = [portionsOf(model, open), portionsOf(model, lines)];
  const more = new Map<Goods, bigint>();
  const less = new Map<Goods, bigint>();
  for (const goods of new Set([...after.keys(), ...before.keys()])) {
    const by = (after.get(goods) ?? 0n) - (before.get(goods) ?? 0n);
    if (by > 0n) more.set(goods, by);
    if (by < 0n) less.set(goods, -by);
  }
  return { more, less };
}
