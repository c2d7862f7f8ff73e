import type { Currency, Priced } from "./reckon.ts";

/** What a promotion brings, and when. */
export interface Terms {
  readonly id: string;
  /** The code that brings it; "" for an automatic one. */
  readonly code: string;
  readonly priority: number;
  /** Whether it applies alone. */
  readonly exclusive: boolean;
  readonly conditions: Conditions;
  readonly effect: Effect;
}

/** What must hold of an order. */
export interface Conditions {
  /** The only product that it is for; for all when left out. */
  readonly product: number | undefined;
  /** What the lines that it is for must cost at least; in the other currency it then does not apply. */
  readonly minimum: { readonly minor: bigint; readonly currency: Currency } | undefined;
  /** How many pieces those lines must have at least. */
  readonly pieces: bigint;
  /** For whom it is. */
  readonly who: "anybody" | "customers" | "newcomers";
}

/** What a promotion does: amounts in cents, shares in millionths. */
export type Effect = { readonly kind: "free shipping"; readonly methods: readonly string[] } | OffLines;

/** What is taken off lines. */
type OffLines =
  | { readonly kind: "percentage"; readonly ppm: bigint; readonly most: Amounts | undefined }
  | { readonly kind: "amount"; readonly off: Amounts; readonly each: boolean }
  | { readonly kind: "tiers"; readonly tiers: readonly { readonly pieces: bigint; readonly ppm: bigint }[] }
  | {
      readonly kind: "buy x get y";
      readonly buy: bigint;
      readonly get: bigint;
      readonly ppm: bigint;
      /** How many times at most; 0 for any number. */
      readonly times: bigint;
      /** Of which product those are that are given; of those that are bought when left out. */
      readonly given: number | undefined;
    };

type Amounts = Readonly<Record<Currency, bigint>>;

/** What a promotion takes off, in cents. */
export interface Discount {
  readonly promotion: string;
  readonly code: string;
  readonly amount: bigint;
}

/** Who buys. */
export interface Buyer {
  readonly isGuest: boolean;
  /** Whether there is no order before. */
  readonly isNew: boolean;
}

/** What promotions are applied to. */
interface Whole {
  readonly lines: readonly Priced[];
  readonly currency: Currency;
  readonly buyer: Buyer;
  readonly shipping: { readonly method: string | undefined; readonly cost: bigint };
}

/** A line while promotions are applied, and what is left to pay for it. */
interface Left {
  readonly line: Priced;
  readonly index: number;
  left: bigint;
}

/**
 * Takes off what promotions bring: one after the other, those with the highest priority and of them the oldest first,
 * each off what is left.
 *
 * @param terms the oldest first
 * @param whole what they are applied to
 */
export function takeOff(terms: readonly Terms[], { lines, currency, buyer, shipping }: Whole) {
  const byLine: Discount[][] = lines.map(({ off = [] }) => [...off]);
  const discounts = byPromotion(byLine.flat());
  const all = lines.map((line, index): Left => {
    const off = sum((line.off ?? []).map(({ amount }) => amount));
    return { line, index, left: line.price * line.quantity - off };
  });
  let shippingLeft = shipping.cost;

  for (const { id: promotion, code, ...each } of terms.toSorted((a, b) => b.priority - a.priority)) {
    if (each.exclusive && discounts.length > 0) continue;
    const meant = linesMeant(each.conditions, all, currency, buyer);
    if (meant.length === 0) continue;
    let amount = 0n;
    if (each.effect.kind === "free shipping") {
      const { methods } = each.effect;
      const isMeant =
        shipping.method !== undefined && (methods.length === 0 || methods.includes(shipping.method));
      if (isMeant) amount = shippingLeft;
      shippingLeft -= amount;
    } else {
      for (const [line, share] of sharesOf(each.effect, meant, all, currency)) {
        const taken = share < line.left ? share : line.left;
        if (taken === 0n) continue;
        line.left -= taken;
        amount += taken;
        byLine[line.index]?.push({ promotion, code, amount: taken });
      }
    }
    if (amount === 0n) continue;
    discounts.push({ promotion, code, amount });
    if (each.exclusive) break;
  }
  return { discounts, lines: byLine };
}

/** What each promotion takes off in all, the oldest first. */
function byPromotion(discounts: readonly Discount[]): Discount[] {
  const all = new Map<string, Discount>();
  for (const it of discounts) {
    all.set(it.promotion, { ...it, amount: it.amount + (all.get(it.promotion)?.amount ?? 0n) });
  }
  return [...all.values()].sort((a, b) => (a.promotion < b.promotion ? -1 : 1));
}

/** The lines that a promotion is for; none where it does not apply. */
function linesMeant(
  { product, minimum, pieces, who }: Conditions,
  all: readonly Left[],
  currency: Currency,
  { isGuest, isNew }: Buyer,
): readonly Left[] {
  if (who !== "anybody" && isGuest) return [];
  if (who === "newcomers" && !isNew) return [];
  const meant = all.filter(({ line }) => product === undefined || line.product === product);
  if (countOf(meant) < pieces) return [];
  if (minimum === undefined) return meant;
  const cost = sum(meant.map(({ line }) => line.price * line.quantity));
  return minimum.currency === currency && cost >= minimum.minor ? meant : [];
}

/** What a promotion would take off each line. */
function sharesOf(
  effect: OffLines,
  meant: readonly Left[],
  all: readonly Left[],
  currency: Currency,
): (readonly [Left, bigint])[] {
  const left = sum(meant.map((line) => line.left));
  switch (effect.kind) {
    case "percentage": {
      const share = millionths(left, effect.ppm);
      return divideOver(least(share, effect.most?.[currency] ?? share), meant);
    }
    case "tiers": {
      const reached = effect.tiers.filter(({ pieces }) => countOf(meant) >= pieces);
      const best = reached.reduce((most, { ppm }) => (ppm > most ? ppm : most), 0n);
      return divideOver(millionths(left, best), meant);
    }
    case "amount": {
      const off = effect.off[currency];
      return effect.each
        ? meant.map((it) => [it, off * it.line.quantity])
        : divideOver(least(off, left), meant);
    }
    case "buy x get y": {
      const { given: product, ppm } = effect;
      const givable = product === undefined ? meant : all.filter(({ line }) => line.product === product);
      let pieces = mostGiven(effect, meant, givable);
      return givable
        .toSorted((a, b) => Number(a.line.price - b.line.price))
        .map((it) => {
          const { quantity } = it.line;
          const given = least(quantity, pieces);
          pieces -= given;
          return [it, millionths(rounded(it.left * given, quantity), ppm)];
        });
    }
  }
}

/** How many pieces are given when it is done as often as gives the most. */
function mostGiven(
  { buy, get, times }: Extract<OffLines, { kind: "buy x get y" }>,
  meant: readonly Left[],
  givable: readonly Left[],
): bigint {
  const bought = countOf(meant);
  const onlyBought = countOf(meant.filter((line) => !givable.includes(line)));
  let most = 0n;
  for (let time = 1n; time * buy <= bought && (times === 0n || time <= times); time++) {
    // Pieces that cannot be given are bought first; a piece that is bought is not given.
    const spent = time * buy > onlyBought ? time * buy - onlyBought : 0n;
    const given = least(time * get, countOf(givable) - spent);
    if (given > most) most = given;
  }
  return most;
}

function divideOver(amount: bigint, lines: readonly Left[]): (readonly [Left, bigint])[] {
  const shares = divide(
    amount,
    lines.map(({ left }) => left),
  );
  return lines.map((line, index) => [line, shares[index] ?? 0n]);
}

/** Divides an amount by weights; the cents left over go to those that lost most by rounding. */
export function divide(amount: bigint, weights: readonly bigint[]): bigint[] {
  const all = sum(weights);
  if (all === 0n) return weights.map(() => 0n);
  const exact = weights.map((weight) => ({ share: (amount * weight) / all, lost: (amount * weight) % all }));
  let over = amount - sum(exact.map(({ share }) => share));
  for (const it of exact.toSorted((a, b) => (a.lost < b.lost ? 1 : a.lost > b.lost ? -1 : 0))) {
    if (over === 0n) break;
    it.share++;
    over--;
  }
  return exact.map(({ share }) => share);
}

function millionths(amount: bigint, ppm: bigint): bigint {
  return rounded(amount * ppm, 1_000_000n);
}

/** Half a cent is rounded up. */
function rounded(amount: bigint, by: bigint): bigint {
  return (2n * amount + by) / (2n * by);
}

function countOf(lines: readonly Left[]): bigint {
  return sum(lines.map(({ line }) => line.quantity));
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((all, amount) => all + amount, 0n);
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
