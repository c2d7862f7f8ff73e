/** How much is in a shop that is generated. */
export interface ShopSize {
  readonly customers: number;
  readonly orders: number;
  /** Three to a product. */
  readonly variants: number;
}

/** What ids are of; it stands in them, so that those of different things differ. */
export const KINDS = {
  customer: 1,
  product: 2,
  variant: 3,
  category: 4,
  cart: 5,
  cartLine: 6,
  order: 7,
  orderLine: 8,
  shipment: 9,
  invoice: 10,
  placed: 11,
  confirmed: 12,
  shipped: 13,
  delivered: 14,
  cancelled: 15,
  charge: 16,
  authorized: 17,
  captured: 18,
  voided: 19,
  notification: 20,
  event: 21,
  mail: 22,
  session: 23,
  address: 24,
  audit: 25,
} as const;

/** Each so-manieth product is not on sale yet, or no longer. */
const UNPUBLISHED = 97;

/** Whether a product is on sale. */
export function isPublished(product: number): boolean {
  return product % UNPUBLISHED !== UNPUBLISHED - 1;
}

/** What an id is of. */
export type Kind = keyof typeof KINDS;

export const VARIANTS_PER_PRODUCT = 3;
/** One of so many customers orders again and again: together they placed a tenth of all orders. */
const REGULARS = 200;
/** Orders were placed within this time, in ms; accounts and products were made in the year before. */
export const YEAR_S = 365 * 86_400;
const YEAR_MS = YEAR_S * 1_000;
/** The last order is older than this, in ms, so that what is generated lies behind. */
const PAST_MS = 600_000;

/** A shop that is generated: everything follows from its size and its last moment. */
export interface GeneratedShop extends ShopSize {
  readonly products: number;
  /** When its last order was placed, in ms since the epoch. */
  readonly endMs: number;
}

/**
 * Says what a shop holds that ends now.
 *
 * @param size how much
 */
export function planShop(size: ShopSize): GeneratedShop {
  const products = Math.ceil(size.variants / VARIANTS_PER_PRODUCT);
  return { ...size, products, endMs: Date.now() - PAST_MS };
}

/**
 * The id of a thing: a UUIDv7 of its time (RFC 9562) that ends with its number.
 *
 * @param kind what it is
 * @param number which one, from 0
 * @param ms when it was made, in ms since the epoch
 */
export function idOf(kind: Kind, number: number, ms: number): string {
  const hex = (value: number, digits: number) => Math.trunc(value).toString(16).padStart(digits, "0");
  const time = hex(ms, 12);
  const order = hex(number % 4096, 3);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${order}-8${hex(KINDS[kind], 3)}-${hex(number, 12)}`;
}

/** When the nth of so many things was made in the year before the orders, in ms since the epoch. */
function madeAt({ endMs }: GeneratedShop, number: number, of: number): number {
  return endMs - 2 * YEAR_MS + Math.floor((number * YEAR_S) / of) * 1_000;
}

/** How many customers order again and again; they are the first ones. */
export function regularsOf({ customers }: ShopSize): number {
  return Math.ceil(customers / REGULARS);
}

/** The id of a customer. */
export function customerId(shop: GeneratedShop, number: number): string {
  return idOf("customer", number, madeAt(shop, number, shop.customers));
}

/** When a product was made, in ms since the epoch. */
export function productTime(shop: GeneratedShop, number: number): number {
  return madeAt(shop, number, shop.products);
}

/** The id of a product. */
export function productId(shop: GeneratedShop, number: number): string {
  return idOf("product", number, productTime(shop, number));
}

/** The id of a variant. */
export function variantId(shop: GeneratedShop, number: number): string {
  return idOf("variant", number, productTime(shop, Math.floor(number / VARIANTS_PER_PRODUCT)));
}

/** The id of a category. */
export function categoryId(shop: GeneratedShop, number: number): string {
  return idOf("category", number, shop.endMs - 2 * YEAR_MS);
}

/** When an order was placed, in ms since the epoch. */
export function orderTime({ endMs, orders }: GeneratedShop, number: number): number {
  return endMs - YEAR_MS + Math.floor(((number + 1) * YEAR_S) / orders) * 1_000;
}

/** The id of an order. */
export function orderId(shop: GeneratedShop, number: number): string {
  return idOf("order", number, orderTime(shop, number));
}
