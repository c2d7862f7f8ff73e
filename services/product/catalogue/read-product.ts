import type { CatalogueImage, CatalogueProduct } from "./catalogue-product.ts";
import type { Column } from "./columns.ts";
import { type CellFault, type CellReading, quoted, readText, readWholeNumber } from "./read-cell.ts";
import { NO_CHOICE } from "./read-variant.ts";
import { sanitiseHtml } from "./sanitise-html.ts";

const LONGEST_NAME = 255;
const LONGEST_DESCRIPTION = 65_536;
const MOST_TAGS = 250;
const LONGEST_TAGS = 20_000;
const LONGEST_ADDRESS = 2_048;
const LONGEST_ALT = 512;

export const NAME_COLUMNS = ["Option1 Name", "Option2 Name", "Option3 Name"] as const;

/** What the first row of a product says about the product as a whole. */
export type ProductHead = Omit<CatalogueProduct, "options" | "images" | "variants"> & {
  optionNames: string[];
};

/** A product's head, or what is wrong in each cell at fault. */
export type HeadReading = { head: ProductHead } | { faults: CellFault[] };

/**
 * Reads what the first row of a product says about the product as a whole. A product is published when
 * `Published` is true or empty and `Status`, where there is one, is "active".
 *
 * @param cell the content of the row's cell in a column
 */
export function readHead(cell: (column: Column) => string): HeadReading {
  const faults: CellFault[] = [];

  function take<Value>(column: Column, reading: CellReading<Value>, otherwise: Value): Value {
    if ("value" in reading) return reading.value;
    faults.push({ column, reason: reading.reason });
    return otherwise;
  }

  const head: ProductHead = {
    handle: take("Handle", readHandle(cell("Handle")), ""),
    title: take("Title", readTitle(cell("Title")), ""),
    descriptionHtml: sanitiseHtml(
      take("Body (HTML)", readText(cell("Body (HTML)"), LONGEST_DESCRIPTION, "many lines"), ""),
    ),
    vendor: take("Vendor", readText(cell("Vendor"), LONGEST_NAME), ""),
    type: take("Type", readText(cell("Type"), LONGEST_NAME), ""),
    tags: take("Tags", readTags(cell("Tags")), []),
    published: take("Published", readPublished(cell("Published")), false),
    optionNames: [],
  };
  const isActive = take("Status", readStatus(cell("Status")), false);
  head.published &&= isActive;

  const names = NAME_COLUMNS.map((column) => take(column, readText(cell(column), LONGEST_NAME), ""));
  head.optionNames = readOptionNames(names, cell("Option1 Value"), faults);
  return faults.length > 0 ? { faults } : { head };
}

/**
 * Reads the picture in a row.
 *
 * @param cell the content of the row's cell in a column
 * @param following the position of a picture whose row gives none
 * @returns the picture and its position, undefined if the row has none, or what is wrong
 */
export function readImage(
  cell: (column: Column) => string,
  following: number,
): { image: CatalogueImage; position: number } | CellFault | undefined {
  const src = cell("Image Src");
  if (src === "") return undefined;
  const address = readText(src, LONGEST_ADDRESS);
  if ("reason" in address) return { column: "Image Src", reason: address.reason };
  if (!isImageAddress(src)) {
    return {
      column: "Image Src",
      reason: `${quoted(src)} is not the address of a picture; it starts with https://, http:// or a single /.`,
    };
  }
  const alt = readText(cell("Image Alt Text").replace(/\s+/g, " "), LONGEST_ALT);
  if ("reason" in alt) return { column: "Image Alt Text", reason: alt.reason };
  const position = cell("Image Position");
  if (position === "") return { image: { src, alt: alt.value }, position: following };
  const number = readWholeNumber(position, "position");
  if ("reason" in number) return { column: "Image Position", reason: number.reason };
  return { image: { src, alt: alt.value }, position: number.value };
}

function readHandle(text: string): CellReading<string> {
  const reading = readText(text, LONGEST_NAME);
  if ("reason" in reading || /^[\p{Ll}\p{Lm}\p{Lo}\p{M}\p{N}_-]+$/u.test(text)) return reading;
  return {
    reason: `The handle ${quoted(text)} may contain only small letters, digits, hyphens and underscores.`,
  };
}

function readTitle(text: string): CellReading<string> {
  return text === ""
    ? { reason: "The title is missing; the first row of a product must have one." }
    : readText(text, LONGEST_NAME);
}

function readTags(text: string): CellReading<string[]> {
  const whole = readText(text, LONGEST_TAGS);
  if ("reason" in whole) return whole;
  const tags = [...new Set(text.split(",").map((tag) => tag.trim()))].filter((tag) => tag !== "");
  if (tags.length > MOST_TAGS)
    return { reason: `There are ${tags.length} tags; at most ${MOST_TAGS} are allowed.` };
  const long = tags.find((tag) => tag.length > LONGEST_NAME);
  if (long === undefined) return { value: tags };
  return {
    reason: `The tag ${quoted(long)} has ${long.length} characters; at most ${LONGEST_NAME} are allowed.`,
  };
}

function readPublished(text: string): CellReading<boolean> {
  const answer = text.toLowerCase();
  if (answer === "" || answer === "true") return { value: true };
  if (answer === "false") return { value: false };
  return { reason: `${quoted(text)} is neither TRUE nor FALSE.` };
}

function readStatus(text: string): CellReading<boolean> {
  const status = text.toLowerCase();
  if (status === "" || status === "active") return { value: true };
  if (["draft", "archived", "unlisted"].includes(status)) return { value: false };
  return { reason: `${quoted(text)} is not a status; write active, draft, archived or unlisted.` };
}

function readOptionNames(names: string[], firstValue: string, faults: CellFault[]): string[] {
  const used = names.filter((name) => name !== "");
  if (used.length === 1 && names[0] === NO_CHOICE.name && firstValue === NO_CHOICE.value) return [];
  const gap = names.findIndex((name, index) => name === "" && index < used.length);
  if (gap !== -1) {
    faults.push({
      column: NAME_COLUMNS[gap] as Column,
      reason: "The name of this option is missing, but a later one has a name.",
    });
  }
  const twice = used.findIndex(
    (name, index) => used.findIndex((other) => other.toLowerCase() === name.toLowerCase()) !== index,
  );
  if (twice !== -1) {
    faults.push({
      column: NAME_COLUMNS[twice] as Column,
      reason: `Two options are called ${quoted(used[twice] as string)}; give each its own name.`,
    });
  }
  return used;
}

function isImageAddress(src: string): boolean {
  if (/^\/(?![/\\])/.test(src)) return true;
  const url = URL.parse(src);
  return url?.protocol === "https:" || url?.protocol === "http:";
}
