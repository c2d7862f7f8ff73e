/**
 * Spreads an amount over the parts of a payment: each gives what it has room for, one after another.
 *
 * @param minor the amount, in minor units
 * @param rooms how much each part can give, by position
 * @param order the positions in the order in which they give
 * @returns what each gives, by position; they come to the amount
 * @throws RangeError when there is not so much room
 */
export function spread(minor: bigint, rooms: readonly bigint[], order: readonly number[]): bigint[] {
  const given = rooms.map(() => 0n);
  let left = minor;
  for (const position of order) {
    const room = rooms[position] ?? 0n;
    const gives = room < left ? room : left;
    given[position] = gives;
    left -= gives;
  }
  if (left > 0n) throw new RangeError(`${left} of ${minor} are left over`);
  return given;
}

/** The order in which parts pay: gift cards and store credit first, as they were named, the card (0) last. */
export function payingOrder(parts: number): number[] {
  return [...Array.from({ length: parts - 1 }, (_, index) => index + 1), 0];
}

/** The order in which parts get money back: the card (0) first, then the others, the last one first. */
export function refundOrder(parts: number): number[] {
  return payingOrder(parts).reverse();
}
