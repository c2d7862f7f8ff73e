import fc from "fast-check";

/** Which of the shoppers; counted around. */
export const SHOPPERS = fc.nat(2);
/** Which of the goods; counted around. */
export const GOODS = fc.nat(3);
/** What is written to a line. */
export const NOTES = fc.constantFrom("", "", "For Ada");
/** One of those that there are, counted around; small numbers are more often. */
export const WHICH = fc.nat(9);
