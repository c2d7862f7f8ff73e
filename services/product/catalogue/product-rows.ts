import type {
  CatalogueImage,
  CatalogueProblem,
  CatalogueProduct,
  CatalogueResult,
  CatalogueVariant,
} from "./catalogue-product.ts";
import type { Column, Columns } from "./columns.ts";
import type { CsvRow } from "./csv-rows.ts";
import { firstLines } from "./first-lines.ts";
import { type CellFault, quoted } from "./read-cell.ts";
import { NAME_COLUMNS, type ProductHead, readHead, readImage } from "./read-product.ts";
import { holdsVariant, readVariant } from "./read-variant.ts";

const MOST_VARIANTS = 250;
const MOST_IMAGES = 250;
const LONGEST_HANDLE_SHOWN = 255;

/** The product whose rows are being read. */
type OpenProduct = {
  handle: string;
  line: number;
  /** Undefined when the product is refused as a whole; its other rows are then passed over. */
  head?: ProductHead;
  variants: CatalogueVariant[];
  images: { image: CatalogueImage; position: number }[];
};

type Cell = (column: Column) => string;

/** Puts rows together to products, holding one product at a time. */
export type ProductRows = {
  /** Takes the next row and tells what has become known with it, often nothing. */
  add: (row: CsvRow) => Iterable<CatalogueResult>;
  /** Says that there are no more rows. */
  end: () => Iterable<CatalogueResult>;
  /** The handle of the product whose rows are being read. */
  openHandle: () => string | undefined;
};

/**
 * Starts to put together the products of a file.
 *
 * The rows of a product follow one another and share its handle. The first one describes it, and each holds a
 * variant, a picture or both. A cell at fault costs the variant or picture it belongs to; a fault in the
 * description, more than 250 variants, or a handle that other products stand after already, costs the
 * product.
 *
 * @param columns the file's columns
 * @param minorDigits the decimals of the currency the prices are in
 */
export function productRows(columns: Columns, minorDigits: number): ProductRows {
  const handles = firstLines();
  const skus = firstLines();
  let open: OpenProduct | undefined;

  function* add(row: CsvRow): Generator<CatalogueResult> {
    const cell: Cell = (column) => columns.cell(row.cells, column);
    const handle = cell("Handle");
    if (row.cells.length !== columns.count) {
      const reason = `The row has ${row.cells.length} cells, but the header row has ${columns.count}; there is a comma or a quote too many or too few.`;
      yield problem(row.line, handle, { reason });
      return;
    }
    if (handle === "") {
      yield problem(row.line, handle, { column: "Handle", reason: "The handle is missing." });
      return;
    }
    const faults =
      handle === open?.handle ? continueProduct(open, row.line, cell) : yield* start(row.line, cell);
    for (const fault of faults) yield problem(row.line, handle, fault);
  }

  /** Ends the product before and begins the one that the row describes. */
  function* start(line: number, cell: Cell): Generator<CatalogueResult, CellFault[]> {
    yield* end();
    const handle = cell("Handle");
    open = { handle, line, variants: [], images: [] };
    const firstLine = handles.note(handle, line);
    if (firstLine !== undefined) return [repeatedHandle(handle, firstLine)];
    const reading = readHead(cell);
    if ("faults" in reading) return reading.faults;
    open.head = reading.head;
    return [...addVariant(open, reading.head, line, cell), ...addImage(open, cell)];
  }

  function continueProduct(product: OpenProduct, line: number, cell: Cell): CellFault[] {
    const { head } = product;
    if (head === undefined) return [];
    const contradiction = findContradiction(head, cell);
    if (contradiction !== undefined) return [contradiction];
    if (!holdsVariant(cell) && cell("Image Src") === "") {
      return [{ reason: "The row holds neither a variant nor a picture." }];
    }
    return [...addVariant(product, head, line, cell), ...addImage(product, cell)];
  }

  function addVariant(product: OpenProduct, head: ProductHead, line: number, cell: Cell): CellFault[] {
    if (!holdsVariant(cell)) return [];
    const { handle, optionNames } = head;
    const reading = readVariant(line, cell, { handle, optionNames, minorDigits });
    if ("faults" in reading) return reading.faults;
    const { variant } = reading;
    const twin = product.variants.find((other) => haveSameValues(other, variant));
    if (twin !== undefined) return [repeatedValues(variant, twin)];
    const firstLine = skus.note(variant.sku, line);
    if (firstLine !== undefined) return [repeatedSku(variant.sku, firstLine)];
    if (product.variants.length === MOST_VARIANTS) {
      product.head = undefined;
      return [tooManyVariants(handle)];
    }
    product.variants.push(variant);
    return [];
  }

  function* end(): Generator<CatalogueResult> {
    if (open?.head === undefined) return;
    const { line, handle, head, variants, images } = open;
    open = undefined;
    if (variants.length > 0) yield { kind: "product", line, product: assemble(head, variants, images) };
    else
      yield problem(line, handle, { reason: "No variant of this product could be read, so it is left out." });
  }

  return { add, end, openHandle: () => open?.handle };
}

function addImage(product: OpenProduct, cell: Cell): CellFault[] {
  const reading = readImage(cell, product.images.length + 1);
  if (reading === undefined) return [];
  if ("reason" in reading) return [reading];
  if (product.images.some(({ image }) => image.src === reading.image.src)) return [];
  if (product.images.length === MOST_IMAGES) {
    return [
      { column: "Image Src", reason: `A product has at most ${MOST_IMAGES} pictures; this one is left out.` },
    ];
  }
  product.images.push(reading);
  return [];
}

function assemble(
  { optionNames, ...head }: ProductHead,
  variants: CatalogueVariant[],
  images: OpenProduct["images"],
): CatalogueProduct {
  const options = optionNames.map((name, index) => ({
    name,
    values: [...new Set(variants.map(({ optionValues }) => optionValues[index] as string))],
  }));
  const inOrder = images.toSorted((one, other) => one.position - other.position).map(({ image }) => image);
  return { ...head, options, images: inOrder, variants };
}

/** Finds what a later row of a product says otherwise than its first row. */
function findContradiction(head: ProductHead, cell: Cell): CellFault | undefined {
  const title = cell("Title");
  if (title !== "" && title !== head.title) {
    const reason = `The title ${quoted(title)} differs from that of the product's first row, ${quoted(head.title)}; another product needs a handle of its own.`;
    return { column: "Title", reason };
  }
  if (head.optionNames.length === 0) return undefined;
  const index = NAME_COLUMNS.findIndex((column, at) => !["", head.optionNames[at]].includes(cell(column)));
  const column = NAME_COLUMNS[index];
  if (column === undefined) return undefined;
  return { column, reason: `The option ${quoted(cell(column))} is not named so in the product's first row.` };
}

function haveSameValues(one: CatalogueVariant, other: CatalogueVariant): boolean {
  return one.optionValues.every((value, index) => value === other.optionValues[index]);
}

function repeatedValues({ optionValues }: CatalogueVariant, twin: CatalogueVariant): CellFault {
  const reason =
    optionValues.length === 0
      ? `The product has no options, so it has one variant only, the one on line ${twin.line}.`
      : `The variant ${quoted(optionValues.join(" / "))} stands on line ${twin.line} already.`;
  return { column: "Option1 Value", reason };
}

function repeatedSku(sku: string, firstLine: number): CellFault {
  return {
    column: "Variant SKU",
    reason: `The SKU ${quoted(sku)} stands on line ${firstLine} already; give this variant another.`,
  };
}

function repeatedHandle(handle: string, firstLine: number): CellFault {
  const reason = `The product ${quoted(handle)} begins on line ${firstLine} already; its rows must follow one another. These rows are left out.`;
  return { column: "Handle", reason };
}

function tooManyVariants(handle: string): CellFault {
  const reason = `The product ${quoted(handle)} has more than ${MOST_VARIANTS} variants and is left out; divide it into several products.`;
  return { column: "Handle", reason };
}

function problem(line: number, handle: string, { column, reason }: CellFault): CatalogueProblem {
  return {
    kind: "problem",
    line,
    ...(column !== undefined && { column }),
    ...(handle !== "" && { handle: handle.slice(0, LONGEST_HANDLE_SHOWN) }),
    reason,
  };
}
