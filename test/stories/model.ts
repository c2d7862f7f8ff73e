import type { Customer } from "../chaos/shop.ts";
import type { Terms } from "./discounts.ts";
import type { OrderPayment } from "./order-money.ts";
import type { Balance, Means, Payment } from "./payment-model.ts";
import type { Bill, Currency } from "./reckon.ts";
import type { Goods, Portions, Reservation } from "./warehouse.ts";

/** What should be true of everything that a story touches. Commands change it as the shop should have changed. */
export interface Model {
  /** What the story is about; nobody else orders it. */
  readonly goods: readonly Goods[];
  /** The products that they are of. */
  readonly products: readonly string[];
  readonly shoppers: Shopper[];
  /** What others have set aside and not paid. */
  readonly holds: Hold[];
  readonly transfers: Transfer[];
  readonly returns: Return[];
  /** The oldest first. */
  readonly promotions: Promotion[];
  /** Those without an order. */
  readonly payments: Payment[];
  readonly giftCards: Balance[];
  /** How many lines were put into carts so far. */
  lines: number;
}

/** Somebody who shops. */
export interface Shopper {
  /** A guest has an address, and no account. */
  readonly customer: Customer;
  readonly isGuest: boolean;
  /** Of a guest's cart; "" for a customer. */
  cartToken: string;
  /** What the cart is in, and is put into it. */
  currency: Currency;
  cart: CartLine[];
  /** What is put aside. */
  saved: CartLine[];
  /** The codes in the cart, in the order in which they were added. */
  codes: string[];
  /** All attempts that came so far that an order was made, in the order in which they were. */
  readonly orders: Order[];
  /** PlaceOrder with its key, so that it can come again. */
  readonly attempts: Attempt[];
  /** By currency. */
  readonly credit: Readonly<Record<Currency, Balance>>;
  /** What the shopper was told, in the shop and by mail. */
  readonly told: Told[];
  /** How many mails come beside that. */
  mailsAlone: number;
}

/** Something that makes orders cost less. */
export interface Promotion extends Terms {
  /** How many orders may use it in all and of each shopper; 0 for any number. */
  readonly limit: number;
  readonly limitEach: number;
  isOver: boolean;
}

/** A line of a cart. */
export interface CartLine extends Ordered {
  readonly id: string;
  /** Which of all lines of the story it is: a cart shows the oldest first. */
  readonly number: number;
  quantity: bigint;
}

/** An order, or what is left of one that was given up. */
export interface Order {
  /** "" until it is known: who is refused is not told it. */
  id: string;
  readonly currency: Currency;
  lines: readonly OrderLine[];
  method: string;
  /** Where to. */
  city: string;
  bill: Bill;
  /** The promotions that it was placed with. */
  readonly uses: readonly Promotion[];
  cancelReason: string;
  /** Whether it came to nothing: it was refused, or all of it was cancelled. */
  isCancelled: boolean;
  readonly shipments: { readonly id: string; isDelivered: boolean }[];
  /** What was given back, in cents. */
  refunded: bigint;
  /** What is kept to pay for what replaces its goods, in cents. */
  refunding: bigint;
  /** Whether what shipping cost was. */
  isShippingRefunded: boolean;
  /** Whether its customer has to confirm the payment. */
  isAwaited: boolean;
  /** What paid for it beside a card when it was placed. */
  readonly means: readonly Means[];
  /** What pays for it. */
  payments: OrderPayment[];
  /** All that was ever asked for on its account. */
  readonly paid: Payment[];
  readonly reservation: Reservation;
  /** The order whose goods it replaces. */
  readonly replaces: Order | undefined;
  /** The return of those goods. */
  waitsFor: Return | undefined;
}

/** A line of an order and what became of its pieces. */
export interface OrderLine extends Ordered {
  /** "" until it is known. */
  id: string;
  shipped: bigint;
  cancelled: bigint;
  /** How many are on their way back, and how many are. */
  awaited: bigint;
  returned: bigint;
  /** For how many of those that were sent money was given back, and how much. */
  refunded: bigint;
  refundedAmount: bigint;
  /** What promotions take off it, each in cents. */
  readonly discounts: readonly bigint[];
  /** Off how many of its pieces that is, the first ones; off all of them when left out. */
  readonly discounted?: bigint;
}

/** Pieces of an order that come back. */
export interface Return {
  readonly id: string;
  readonly owner: Shopper;
  readonly order: Order;
  readonly pieces: readonly Pieces[];
  isOpen: boolean;
  /** Whether what replaces them can be sent before they are back. */
  readonly sentFirst: boolean;
  /** What their money pays for instead of going back. */
  exchange: Exchange | undefined;
}

/** Some pieces of a line. */
export interface Pieces {
  readonly line: OrderLine;
  readonly count: bigint;
}

/** What pieces that come back pay for what replaces them. */
export interface Exchange {
  readonly amount: bigint;
  /** The same by piece. */
  readonly costs: readonly bigint[];
  /** The same by payment. */
  readonly shares: readonly { readonly from: OrderPayment; readonly amount: bigint }[];
}

/** Some of the goods. */
export interface Ordered {
  /** Index of the goods. */
  readonly goods: number;
  readonly note: string;
  readonly quantity: bigint;
}

/** PlaceOrder as it was asked for. */
export interface Attempt {
  readonly key: string;
  readonly request: PlaceRequest;
  /** The order, or with which reason an order was refused. */
  readonly outcome: Order | string;
}

/** What PlaceOrder is asked for. */
export interface PlaceRequest {
  readonly method: string;
  /** Of the card; "" for none. */
  readonly token: string;
  /** Where to come back to after a payment was confirmed; "" for nowhere. */
  readonly returnUri: string;
  readonly giftCards: readonly WantedMeans[];
  /** Of the shopper's store credit. */
  readonly credit: Omit<WantedMeans, "balance"> | undefined;
  readonly expected: bigint | undefined;
  readonly currency: Currency;
  readonly cartToken: string;
}

/** What shall pay beside a card. */
export interface WantedMeans {
  readonly balance: Balance;
  /** How much it shall pay at most, in cents; as much as it can when left out. */
  readonly most: bigint | undefined;
}

/** A notification. */
export interface Told {
  readonly topic: string;
  /** The order that it is about; nothing for others. */
  readonly order?: Order;
}

/** Stock that somebody else has set aside. */
export interface Hold {
  readonly id: string;
  readonly reservation: Reservation;
  state: "HELD" | "RELEASED";
}

/** Goods on their way from one place to another. */
export interface Transfer {
  readonly id: string;
  readonly goods: Goods;
  /** Indexes of the places. */
  readonly from: number;
  readonly to: number;
  /** What is on the way, or was when it ended. */
  quantity: bigint;
  state: "IN_TRANSIT" | "RECEIVED" | "CANCELLED";
}

/** How many of a variant one line of a cart may hold. */
export const MOST_OF_A_LINE = 999n;

/** Somebody who has done nothing yet. */
export function newShopper(
  customer: Customer,
  { currency = "EUR", cartToken = "" }: { readonly currency?: Currency; readonly cartToken?: string } = {},
): Shopper {
  const credit = (it: Currency): Balance => {
    const { id } = customer;
    return { id, kind: "store credit", currency: it, code: "", granted: 0n, minor: 0n, isDisabled: false };
  };
  return {
    customer,
    isGuest: cartToken !== "",
    cartToken,
    currency,
    cart: [],
    saved: [],
    codes: [],
    orders: [],
    attempts: [],
    credit: { EUR: credit("EUR"), USD: credit("USD") },
    told: [],
    mailsAlone: 0,
  };
}

/** Keeps what a shopper should be told; a guest is told by mail alone. */
export function tell(shopper: Shopper, told: Told): void {
  if (shopper.isGuest) shopper.mailsAlone++;
  else shopper.told.push(told);
}

/**
 * One of some things; counted around.
 *
 * @param index which
 */
export function oneOf<T>(things: readonly T[], index: number): T {
  return things[index % things.length] as T;
}

/** One of the goods; counted around. */
export function goodsAt({ goods }: Model, index: number): Goods {
  return oneOf(goods, index);
}

/** One of the shoppers; counted around. */
export function shopperAt({ shoppers }: Model, index: number): Shopper {
  return oneOf(shoppers, index);
}

/** How many of each of the goods are ordered. */
export function portionsOf(model: Model, lines: readonly Ordered[]): Portions {
  const portions = new Map<Goods, bigint>();
  for (const { goods, quantity } of lines) {
    const it = goodsAt(model, goods);
    portions.set(it, (portions.get(it) ?? 0n) + quantity);
  }
  return portions;
}
