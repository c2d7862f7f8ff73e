import type { Destination } from "../order-to-price.ts";

/** Says what is taxed, where, and how it is rounded. */
export interface TaxRules {
  /** Whether prices contain the taxes; otherwise they come on top. */
  readonly pricesIncludeTax: boolean;
  /** Whether tax is rounded on each line, or once on the sum of all lines with the same rate. */
  readonly rounding: "line" | "total";
  /**
   * The taxes on something; several add up, none compounds another.
   *
   * @param taxClass what is taxed, for example "standard", "books" or "shipping"
   * @param destination where it goes; the shop's own country when it is not known yet
   */
  ratesFor(taxClass: string, destination: Destination | undefined): readonly TaxRate[];
  /**
   * Whether a company owes the tax itself, in its own country (Directive 2006/112/EC, article 196).
   *
   * @param vatId the confirmed VAT number of the company; "" where there is none
   * @param destination where the order goes
   */
  isReverseCharged(vatId: string, destination: Destination | undefined): boolean;
}

/** A tax. */
export interface TaxRate {
  /** What people call it, for example "VAT 19 %". */
  readonly name: string;
  /** In millionths: 190000 is 19 %. */
  readonly ppm: bigint;
}
