/** 13 to 19 digits, perhaps with a space or a dash between any two, that are not part of something longer. */
const LONG_NUMBER = /(?<![\w+-])\d(?:[ -]?\d){12,18}(?![\w-])/g;
const SHORTEST = 13;

/**
 * Whether a text holds what looks like the number of a payment card (ISO/IEC 7812-1): of so many digits that the last
 * one checks the others. Of numbers of other kinds, one in ten looks so.
 *
 * @param text the text
 */
export function holdsCardNumber(text: string): boolean {
  if (text.length < SHORTEST) return false;
  for (const [found] of text.matchAll(LONG_NUMBER)) {
    if (checks(found.replaceAll(/[ -]/g, ""))) return true;
  }
  return false;
}

/** The check digit of Luhn (ISO/IEC 7812-1, annex B). */
function checks(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index++) {
    const digit = Number(digits[digits.length - 1 - index]);
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
