/** What the numbers of each country look like after its letters (European Commission, VIES, FAQ 11). */
const FORMS: Readonly<Record<string, RegExp>> = {
  AT: /^U\d{8}$/,
  BE: /^[01]\d{9}$/,
  BG: /^\d{9,10}$/,
  CY: /^\d{8}[A-Z]$/,
  CZ: /^\d{8,10}$/,
  DE: /^\d{9}$/,
  DK: /^\d{8}$/,
  EE: /^\d{9}$/,
  ES: /^[A-Z0-9]\d{7}[A-Z0-9]$/,
  FI: /^\d{8}$/,
  FR: /^[A-HJ-NP-Z0-9]{2}\d{9}$/,
  GR: /^\d{9}$/,
  HR: /^\d{11}$/,
  HU: /^\d{8}$/,
  IE: /^\d[A-Z0-9+*]\d{5}[A-Z]{1,2}$/,
  IT: /^\d{11}$/,
  LT: /^(\d{9}|\d{12})$/,
  LU: /^\d{8}$/,
  LV: /^\d{11}$/,
  MT: /^\d{8}$/,
  NL: /^\d{9}B\d{2}$/,
  PL: /^\d{10}$/,
  PT: /^\d{9}$/,
  RO: /^\d{2,10}$/,
  SE: /^\d{10}01$/,
  SI: /^\d{8}$/,
  SK: /^\d{10}$/,
};

/** Check digits, where a short rule tells them; of the other countries only the form is checked. */
const CHECKS: Readonly<Record<string, (digits: readonly number[]) => boolean>> = {
  AT: ([, ...d]) => (96 - luhn(d.slice(0, 7), 1)) % 10 === d[7],
  BE: (d) => 97 - (number(d.slice(0, 8)) % 97) === number(d.slice(8)),
  DE: (d) => mod11and10(d),
  DK: (d) => weighed(d, [2, 7, 6, 5, 4, 3, 2, 1]) % 11 === 0,
  FI: (d) => weighed(d, [7, 9, 10, 5, 8, 4, 2, 1]) % 11 === 0,
  HR: (d) => mod11and10(d),
  IT: (d) => luhn(d, 1) % 10 === 0,
  LU: (d) => number(d.slice(0, 6)) % 89 === number(d.slice(6)),
  PL: (d) => weighed(d, [6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 === d[9],
  PT: (d) => (weighed(d, [9, 8, 7, 6, 5, 4, 3, 2]) + (d[8] ?? 0)) % 11 <= ((d[8] ?? 0) === 0 ? 1 : 0),
};

/**
 * Brings a VAT number into the form in which it is compared: capital letters and digits, with the country before
 * them, which is EL for Greece.
 *
 * @param text as somebody wrote it
 */
export function normalVatId(text: string): string {
  return text.toUpperCase().replaceAll(/[\s.-]/g, "");
}

/**
 * Whether a VAT number may be one of a country of the European Union: its form is right, and its check digits where
 * they are known here. Whether it is registered only VIES can tell, which is not asked.
 *
 * @param vatId in normal form
 * @param countryCode the country, ISO 3166-1 alpha-2
 */
export function isPlausibleVatId(vatId: string, countryCode: string): boolean {
  const letters = countryCode === "GR" ? "EL" : countryCode;
  if (!vatId.startsWith(letters)) return false;
  const rest = vatId.slice(letters.length);
  if (FORMS[countryCode]?.test(rest) !== true) return false;
  return CHECKS[countryCode]?.([...rest].map(Number)) ?? true;
}

function number(digits: readonly number[]): number {
  return Number(digits.join(""));
}

function weighed(digits: readonly number[], weights: readonly number[]): number {
  return weights.reduce((sum, weight, index) => sum + weight * (digits[index] ?? 0), 0);
}

/** The sum of digits of which every second one, from an index on, is doubled (ISO/IEC 7812-1, annex B). */
function luhn(digits: readonly number[], from: number): number {
  return digits.reduce((sum, digit, index) => {
    const doubled = index % 2 === from % 2 ? digit * 2 : digit;
    return sum + Math.floor(doubled / 10) + (doubled % 10);
  }, 0);
}

/** The hybrid system modulo 11 and 10 (ISO/IEC 7064). */
function mod11and10(digits: readonly number[]): boolean {
  const product = digits.slice(0, -1).reduce((before, digit) => {
    const sum = (before + digit) % 10 || 10;
    return (sum * 2) % 11;
  }, 10);
  return (product + (digits.at(-1) ?? 0)) % 10 === 1;
}
