import type { RootScope } from "#kit/rpc/root-scope.ts";
import { type ReadStock, stockReader } from "./cart/read-stock.ts";
import { type ReadSaleVariants, saleVariantReader } from "./cart/sale-variants.ts";
import type { OrderSettings } from "./config.ts";
import type { OrderDatabase } from "./database.ts";
import type { Press } from "./documents/document.ts";
import { euZones } from "./pricing/shipping/eu-zones.ts";
import type { ShippingRules } from "./pricing/shipping/shipping-rules.ts";
import { shippingTable } from "./pricing/shipping/shipping-table.ts";
import { euTaxes } from "./pricing/tax/eu-vat.ts";
import type { TaxRules } from "./pricing/tax/tax-rules.ts";
import { taxTable } from "./pricing/tax/tax-table.ts";
import { offerReader, type ReadOffers } from "./promotions/offers.ts";

/** What carts and orders are handled with. */
export interface Shop {
  readonly db: OrderDatabase;
  readonly readSaleVariants: ReadSaleVariants;
  readonly readStock: ReadStock;
  readonly readOffers: ReadOffers;
  /** The currency of new carts, an ISO 4217 code. */
  readonly currency: string;
  readonly tax: TaxRules;
  readonly shipping: ShippingRules;
  /** How long carts that nobody changes are kept, in ms. */
  readonly cartMs: number;
  /** How long stock is set aside for an order that is being placed, in ms. */
  readonly reservationMs: number;
  /** How long an order waits for its customer to confirm the payment, in ms. */
  readonly confirmMs: number;
  /** Origins to which payment providers may send browsers back; "*" among them for any. */
  readonly returnOrigins: ReadonlySet<string>;
  /** How long after it was sent, or arrived, something can be sent back, in ms. */
  readonly returnPeriodMs: number;
  /** Who sells, for documents: name, address, tax numbers, a line each. */
  readonly seller: readonly string[];
  readonly press: Press;
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
    readStock: stockReader(rootScope),
    readOffers: offerReader(),
    currency: settings.ORDER_CURRENCY,
    tax: taxTable(settings.ORDER_TAX_FILE ?? euTaxes(settings.ORDER_HOME_COUNTRY)),
    shipping: shippingTable(settings.ORDER_SHIPPING_FILE ?? euZones(settings.ORDER_HOME_COUNTRY)),
    cartMs: settings.ORDER_CART_MS,
    reservationMs: settings.ORDER_RESERVATION_MS,
    confirmMs: settings.ORDER_CONFIRM_PAYMENT_MS,
    returnOrigins: new Set(settings.ORDER_RETURN_ORIGINS.split(",").map((origin) => origin.trim())),
    returnPeriodMs: settings.ORDER_RETURN_PERIOD_MS,
    seller: settings.ORDER_SELLER.split(";").map((line) => line.trim()),
    press: { font: settings.ORDER_DOCUMENT_FONT || undefined },
  };
}
