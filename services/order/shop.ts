import type { RootScope } from "#kit/rpc/root-scope.ts";
import type { OrderSettings } from "./config.ts";
import type { OrderDatabase } from "./database.ts";
import { type ShippingMethod, shippingMethods } from "./pricing/shipping.ts";
import { type ReadSaleVariants, saleVariantReader } from "./sale-variants.ts";

/** What carts and orders are handled with. */
export interface Shop {
  readonly db: OrderDatabase;
  readonly readSaleVariants: ReadSaleVariants;
  /** The currency of new carts, an ISO 4217 code. */
  readonly currency: string;
  /** The rate of the tax that prices contain, in hundredths of a percent. */
  readonly taxBasisPoints: bigint;
  readonly shipping: readonly ShippingMethod[];
  /** How long stock is set aside for an order that is being placed, in ms. */
  readonly reservationMs: number;
}

/**
 * Reads the shop out of the settings.
 *
 * @param db order's database
 * @param settings order's settings
 * @param rootScope makes the scope of work that is nobody's alone
 */
export function openShop(db: OrderDatabase, settings: OrderSettings, rootScope: RootScope): Shop {
  return {
    db,
    readSaleVariants: saleVariantReader(rootScope),
    currency: settings.ORDER_CURRENCY,
    taxBasisPoints: settings.ORDER_TAX_BASIS_POINTS,
    shipping: shippingMethods(settings),
    reservationMs: settings.ORDER_RESERVATION_MS,
  };
}
