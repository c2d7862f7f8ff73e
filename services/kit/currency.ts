/** The currencies of ISO 4217 whose minor unit is not a hundredth, by its decimals. */
const UNUSUAL = new Map<number, readonly string[]>([
  [0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(" ")],
  [3, "BHD IQD JOD KWD LYD OMR TND".split(" ")],
  [4, "CLF UYW".split(" ")],
]);
const DECIMALS = new Map([...UNUSUAL].flatMap(([decimals, codes]) => codes.map((code) => [code, decimals])));
const KNOWN: ReadonlySet<string> = new Set(Intl.supportedValuesOf("currency"));

/**
 * How many decimals the amounts of a currency have (ISO 4217).
 *
 * @param currency an ISO 4217 code
 * @returns undefined when there is no such currency
 */
export function decimalsOf(currency: string): number | undefined {
  return DECIMALS.get(currency) ?? (KNOWN.has(currency) ? 2 : undefined);
}
