/** The first words of titles. */
export const ADJECTIVES =
  "amber brass brindle cedar chalk copper dusk ember fern flint hazel indigo ivory juniper linen".split(" ");
/** The second words of titles. */
export const MATERIALS =
  "ash bamboo beech canvas ceramic cork cotton felt glass iron leather marble oak slate steel".split(" ");
/** What there is, a category each. */
export const THINGS = (
  "lamp chair table shelf clock vase basket blanket kettle mug bowl tray mirror stool bench rug pillow planter desk " +
  "candle frame hook ladder box jar"
).split(" ");
/** What the merchant's numbers of this catalogue look like; others run out of stock. */
export const SKU = /^B\d+-\d$/;
/** The sizes of each product, a variant each. */
export const SIZES = ["Small", "Medium", "Large"];
/** More than any run can sell. */
const STOCK = 1_000_000;

/** Words that are looked for: of titles, of both of two, the beginning of one, and one misspelt. */
export const QUERIES: readonly string[] = THINGS.flatMap((thing, index) => {
  const adjective = ADJECTIVES[index % ADJECTIVES.length] as string;
  const material = MATERIALS[index % MATERIALS.length] as string;
  return [
    thing,
    `${adjective} ${thing}`,
    `${material} ${thing.slice(0, 3)}`,
    `${adjective.slice(0, -1)} ${thing}`,
  ];
});

/**
 * Writes a catalogue as Shopify exports one: products with a variant in each size.
 *
 * @param products how many
 */
export function writeCatalogue(products: number): string {
  const header = [
    ...["Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published"],
    ...["Option1 Name", "Option1 Value", "Variant SKU", "Variant Grams", "Variant Inventory Tracker"],
    ...["Variant Inventory Qty", "Variant Price", "Image Src", "Image Position", "Image Alt Text", "Status"],
  ];
  const rows = Array.from({ length: products }, (_, index) => productRows(index)).flat();
  return [header, ...rows].map((cells) => cells.map(quote).join(",")).join("\n");
}

/** A product of the catalogue. */
export interface BenchProduct {
  readonly handle: string;
  readonly title: string;
  /** HTML. */
  readonly body: string;
  readonly vendor: string;
  /** The category that it is in. */
  readonly type: string;
  readonly tags: readonly string[];
  /** In minor units. */
  readonly price: number;
}

/**
 * Makes up a product.
 *
 * @param index which one
 */
export function makeUpProduct(index: number): BenchProduct {
  const pick = (words: readonly string[], shift: number) => words[(index + shift) % words.length] as string;
  const [adjective, material, thing] = [
    pick(ADJECTIVES, 0),
    pick(MATERIALS, index >> 4),
    pick(THINGS, index >> 2),
  ];
  return {
    handle: `${adjective}-${material}-${thing}-${index}`,
    title: `${capital(adjective)} ${material} ${thing} ${index}`,
    body:
      `<p>A ${thing} of ${material}, made by hand in small numbers. It ages well and is easy to mend.</p>` +
      `<p>Goes with a ${pick(THINGS, 7)} of ${pick(MATERIALS, 3)}, or stands alone on ${pick(MATERIALS, 5)}.</p>`,
    vendor: `Maker ${index % 40}`,
    type: `${capital(thing)}s`,
    tags: [material, adjective],
    price: 1_950 + (index % 80) * 100,
  };
}

function productRows(index: number): string[][] {
  const { handle, title, body, vendor, type, tags, price } = makeUpProduct(index);
  const image = `/images/${type.toLowerCase().slice(0, -1)}.svg`;
  return SIZES.map((size, position) => {
    const cost = (price / 100).toFixed(2);
    const variant = [size, `B${index}-${position}`, "800", "shopify", String(STOCK), cost];
    const rest = ["", "", "", ""];
    if (position > 0) return [handle, "", "", "", "", "", "", "", "", ...variant, ...rest];
    const product = [title, body, vendor, "", type, tags.join(", "), "true"];
    return [handle, ...product, "Size", ...variant, image, "1", title, "active"];
  });
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function quote(cell: string): string {
  return /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
