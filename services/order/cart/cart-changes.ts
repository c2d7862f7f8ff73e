import type { PricedLine } from "./price-lines.ts";

/** What the owner of a cart was told of it last: JSON, amounts and numbers as decimal texts. */
export interface Seen {
  /** What one cost, by line; null where it was not on sale. */
  readonly prices?: Readonly<Record<string, string | null>>;
  /** What it was called, by line, lines that are put aside included: product no longer tells that of what it took off sale. */
  readonly titles?: Readonly<Record<string, string>>;
  /** How many were available, by line, where that was too few. */
  readonly short?: Readonly<Record<string, string>>;
  /** The coupon codes that took something off. */
  readonly applied?: readonly string[];
}

/** Something that changed in a cart without its owner. */
export type CartChange =
  | { readonly kind: "price"; readonly lineId: string; readonly before: bigint; readonly now: bigint }
  | { readonly kind: "unavailable"; readonly lineId: string }
  | { readonly kind: "stock"; readonly lineId: string; readonly available: bigint }
  | { readonly kind: "coupon"; readonly code: string };

/** A cart as it is told now. */
export interface Told {
  readonly lines: readonly PricedLine[];
  /** The lines that are put aside. */
  readonly saved: readonly PricedLine[];
  /** How many are available, by line, where it was asked and that is too few. */
  readonly short: ReadonlyMap<string, bigint>;
  /** Its coupon codes, and those among them that take something off. */
  readonly codes: readonly string[];
  readonly applied: readonly string[];
}

/**
 * What changed in a cart since it was last told.
 *
 * @param seen what was told
 * @param told what is told now
 * @param ownLine the line that its owner just changed, and whose price may follow from that
 */
export function changesSince(
  { prices = {}, short = {}, applied = [] }: Seen,
  told: Told,
  ownLine?: string,
): CartChange[] {
  const changes: CartChange[] = [];
  for (const { line, unitPrice } of told.lines) {
    const before = prices[line.id] ?? null;
    if (before !== null && unitPrice === undefined) changes.push({ kind: "unavailable", lineId: line.id });
    else if (before !== null && unitPrice !== BigInt(before) && line.id !== ownLine) {
      changes.push({ kind: "price", lineId: line.id, before: BigInt(before), now: unitPrice ?? 0n });
    }
    const available = told.short.get(line.id);
    if (available !== undefined && short[line.id] !== String(available)) {
      changes.push({ kind: "stock", lineId: line.id, available });
    }
  }
  for (const code of applied) {
    if (told.codes.includes(code) && !told.applied.includes(code)) changes.push({ kind: "coupon", code });
  }
  return changes;
}

/**
 * What a line is called: as product says, or as it said last.
 *
 * @param line the line as it is told now
 * @param seen what was told
 * @returns "" when product never said
 */
export function titleOf({ line, sale }: PricedLine, { titles = {} }: Seen): string {
  return sale?.productTitle ?? titles[line.id] ?? "";
}

/**
 * What is kept of what is told now.
 *
 * @param told what is told now
 * @param seen what was told
 */
export function toSeen({ lines, saved, short, applied }: Told, seen: Seen): Seen {
  const titles = [...lines, ...saved].map((each) => [each.line.id, titleOf(each, seen)] as const);
  const prices = lines.map(({ line, unitPrice }) => [line.id, unitPrice?.toString() ?? null] as const);
  return {
    prices: Object.fromEntries(prices),
    titles: Object.fromEntries(titles),
    short: Object.fromEntries([...short].map(([id, available]) => [id, String(available)])),
    applied: [...applied],
  };
}
