import fc from "fast-check";

/** Which of the shoppers; counted around. */
export const SHOPPERS = fc.nat(3);
/** Which of the goods; counted around. */
export const GOODS = fc.nat(3);
/** Which of the places; counted around. */
export const PLACES = fc.nat(2);
/** What is written to a line. */
export const NOTES = fc.constantFrom("", "", "For Ada");
/** One of those that there are; counted around. */
export const WHICH = fc.nat(11);
