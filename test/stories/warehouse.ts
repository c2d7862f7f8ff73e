import type { Currency } from "./reckon.ts";

/** A place where goods lie. */
export interface Place {
  readonly id: string;
  /** Whether orders are sent from it. */
  readonly ships: boolean;
}

/** A variant and how much there is of it. */
export interface Goods {
  readonly variantId: string;
  /** Which of the products it is of. */
  readonly product: number;
  /** In cents. */
  readonly prices: Readonly<Record<Currency, bigint>>;
  /** What lies at each place. */
  readonly shelves: readonly Shelf[];
  /** Who waits for goods that were sold before they came, the first one first. */
  queue: Share[];
  /** How many can wait: undefined where none can, 0 for any number. */
  backOrders: bigint | undefined;
}

/** What lies at a place. */
interface Shelf {
  readonly place: Place;
  available: bigint;
  reserved: bigint;
}

/** What is set aside for somebody. */
export interface Reservation {
  /** What it has of goods at places, and what it waits for. */
  shares: Share[];
}

interface Share {
  readonly reservation: Reservation;
  readonly goods: Goods;
  /** Undefined for what is waited for. */
  readonly shelf: Shelf | undefined;
  quantity: bigint;
}

/** Numbers of goods, each of them once. */
export type Portions = ReadonlyMap<Goods, bigint>;

/**
 * Goods as they are when a story begins.
 *
 * @param places the one that is taken from first comes first; there everything lies
 */
export function newGoods(
  places: readonly Place[],
  stock: bigint,
  { variantId, product, prices }: Pick<Goods, "variantId" | "product" | "prices">,
): Goods {
  const shelves = places.map((place, index) => ({
    place,
    available: index === 0 ? stock : 0n,
    reserved: 0n,
  }));
  return { variantId, product, prices, shelves, queue: [], backOrders: undefined };
}

/** How many of some goods can be sold now, are set aside, and are waited for, at all places together. */
export function levelOf({ shelves, queue }: Goods) {
  return {
    available: queue.length > 0 ? 0n : sum(shelves.map((it) => (it.place.ships ? it.available : 0n))),
    reserved: sum(shelves.map(({ reserved }) => reserved)),
    backOrdered: sum(queue.map(({ quantity }) => quantity)),
  };
}

/** The goods of which too few can be had, and how many can. */
export function lackingOf(wanted: Portions): ReadonlyMap<Goods, bigint> {
  const lacking = planOf(wanted).filter(({ waits, mayWait }) => waits > mayWait);
  return new Map(lacking.map(({ goods, quantity, waits, mayWait }) => [goods, quantity - waits + mayWait]));
}

/**
 * Sets goods aside: at the first place that has everything, else each at the first that has all of it, else at
 * several. What no place has is waited for; while anybody waits for goods, those who come later do too.
 *
 * @param wanted goods of which enough can be had
 */
export function reserve(wanted: Portions): Reservation {
  const reservation: Reservation = { shares: [] };
  for (const { goods, held, waits } of planOf(wanted)) {
    for (const { shelf, quantity } of held) setAside(reservation, goods, shelf, quantity);
    if (waits === 0n) continue;
    const share = { reservation, goods, shelf: undefined, quantity: waits };
    goods.queue.push(share);
    reservation.shares.push(share);
  }
  return reservation;
}

function planOf(wanted: Portions) {
  const all = [...wanted];
  const atHand = (goods: Goods, { place, available }: Shelf) =>
    place.ships && goods.queue.length === 0 ? available : 0n;
  const hasAll = (index: number) =>
    all.every(([goods, quantity]) => atHand(goods, goods.shelves[index] as Shelf) >= quantity);
  return all.map(([goods, quantity]) => {
    const { shelves, backOrders } = goods;
    const one =
      shelves.find((_, index) => hasAll(index)) ?? shelves.find((it) => atHand(goods, it) >= quantity);
    let waits = quantity;
    const held: { readonly shelf: Shelf; readonly quantity: bigint }[] = [];
    for (const shelf of one === undefined ? shelves : [one]) {
      const taken = least(atHand(goods, shelf), waits);
      if (taken > 0n) held.push({ shelf, quantity: taken });
      waits -= taken;
    }
    const room = (backOrders ?? 0n) - levelOf(goods).backOrdered;
    const mayWait = backOrders === 0n ? waits : room > 0n ? room : 0n;
    return { goods, quantity, held, waits, mayWait };
  });
}

/** Gives back all that is set aside, and waits for nothing more. */
export function release(reservation: Reservation): void {
  reduce(
    reservation,
    contentsOf(reservation, () => true),
  );
}

/** Gives some of what is set aside back: first what is waited for. */
export function reduce(reservation: Reservation, portions: Portions): void {
  for (const { shelf, quantity } of take(reservation, portions, () => true)) {
    if (shelf === undefined) continue;
    shelf.reserved -= quantity;
    shelf.available += quantity;
  }
  for (const goods of portions.keys()) fill(goods);
}

/** Makes what is set aside for somebody a part of what is for somebody else, with the earlier place in the queue. */
export function merge(reservation: Reservation, other: Reservation): void {
  for (const share of other.shares) {
    const { goods, shelf, quantity } = share;
    const known = reservation.shares.find((it) => it.goods === goods && it.shelf === shelf);
    const merged = known ?? { ...share, reservation };
    if (known === undefined) reservation.shares.push(merged);
    else known.quantity += quantity;
    goods.queue = goods.queue.flatMap((it) => (it !== share ? it : known === undefined ? merged : []));
  }
  other.shares = [];
}

/** Whether goods that leave are there, and not waited for. */
export function canLeave(reservation: Reservation, portions: Portions): boolean {
  const there = contentsOf(reservation, ({ shelf }) => shelf !== undefined);
  return [...portions].every(([goods, quantity]) => (there.get(goods) ?? 0n) >= quantity);
}

/** Sends goods that are there from where they are set aside. */
export function leave(reservation: Reservation, portions: Portions): void {
  for (const { shelf, quantity } of take(reservation, portions, (share) => share.shelf !== undefined)) {
    (shelf as Shelf).reserved -= quantity;
  }
}

/** Lets goods come to a place, or go from it. Those who wait get what comes to a place from which orders are sent. */
export function move(goods: Goods, place: number, quantity: bigint): void {
  shelfAt(goods, place).available += quantity;
  fill(goods);
}

/** What lies at a place; counted around. */
export function shelfAt({ shelves }: Goods, place: number): Shelf {
  return shelves[place % shelves.length] as Shelf;
}

function fill(goods: Goods): void {
  for (const shelf of goods.shelves.filter(({ place }) => place.ships)) {
    for (const share of [...goods.queue]) {
      const quantity = least(share.quantity, shelf.available);
      if (quantity === 0n) continue;
      shrink(share, quantity);
      setAside(share.reservation, goods, shelf, quantity);
    }
  }
}

function setAside(reservation: Reservation, goods: Goods, shelf: Shelf, quantity: bigint): void {
  shelf.available -= quantity;
  shelf.reserved += quantity;
  const known = reservation.shares.find((it) => it.goods === goods && it.shelf === shelf);
  if (known === undefined) reservation.shares.push({ reservation, goods, shelf, quantity });
  else known.quantity += quantity;
}

/** Takes portions out of shares: first what is waited for, then in the order in which places are named. */
function take(reservation: Reservation, portions: Portions, isMeant: (share: Share) => boolean) {
  const nameOf = ({ shelf }: Share) => shelf?.place.id ?? "";
  const inOrder = reservation.shares.filter(isMeant).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  return [...portions].flatMap(([goods, wanted]) => {
    let left = wanted;
    return inOrder.flatMap((share) => {
      const quantity = share.goods === goods ? least(share.quantity, left) : 0n;
      if (quantity === 0n) return [];
      left -= quantity;
      shrink(share, quantity);
      return [{ shelf: share.shelf, quantity }];
    });
  });
}

function shrink(share: Share, quantity: bigint): void {
  const { reservation, goods } = share;
  share.quantity -= quantity;
  if (share.quantity > 0n) return;
  reservation.shares = reservation.shares.filter((it) => it !== share);
  goods.queue = goods.queue.filter((it) => it !== share);
}

function contentsOf({ shares }: Reservation, isMeant: (share: Share) => boolean): Map<Goods, bigint> {
  const contents = new Map<Goods, bigint>();
  for (const { goods, quantity } of shares.filter(isMeant)) {
    contents.set(goods, (contents.get(goods) ?? 0n) + quantity);
  }
  return contents;
}

function sum(numbers: readonly bigint[]): bigint {
  return numbers.reduce((all, number) => all + number, 0n);
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
