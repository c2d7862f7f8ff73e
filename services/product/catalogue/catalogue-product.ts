/** A product as a merchant's file describes it: checked, sanitised and not yet stored. */
export type CatalogueProduct = {
  /** The product's name in addresses, unique in the file. */
  handle: string;
  title: string;
  /** Harmless HTML, as `sanitiseHtml` returns it. */
  descriptionHtml: string;
  vendor: string;
  /** The category, such as "Lamps". */
  type: string;
  tags: string[];
  published: boolean;
  /** None for a product that comes in one form only. */
  options: CatalogueOption[];
  /** In the order in which the shop shows them. */
  images: CatalogueImage[];
  /** At least one. */
  variants: CatalogueVariant[];
};

/** A choice a customer makes, with its values in the order in which the file first names them. */
export type CatalogueOption = { name: string; values: string[] };

/** A picture: an http(s) address or a path on the shop's own site, and the text that stands for it. */
export type CatalogueImage = { src: string; alt: string };

/** One form of a product that can be bought. */
export type CatalogueVariant = {
  sku: string;
  /** One value for each of the product's options, in their order. */
  optionValues: string[];
  /** Weight in whole grams, 0 when the file does not say. */
  grams: number;
  /** Pieces for sale, never negative; undefined when the file does not say. */
  quantity?: number;
  /** Price in minor units of the shop's currency. */
  priceMinor: bigint;
  /** The earlier price a merchant shows struck through, in minor units. */
  compareAtMinor?: bigint;
  barcode?: string;
  /** The physical line of the file, counted from 1, on which the variant's row starts. */
  line: number;
};

/** What is wrong with a file, in words for the merchant who made it. */
export type CatalogueProblem = {
  kind: "problem";
  /** The physical line of the file, counted from 1, on which the row at fault starts. */
  line: number;
  /** The name of the column at fault, when it is one column. */
  column?: string;
  /** The handle of the product that is concerned, when it is known. */
  handle?: string;
  reason: string;
};

/** One result of reading a catalogue: a product, or something that could not be read. */
export type CatalogueResult = { kind: "product"; line: number; product: CatalogueProduct } | CatalogueProblem;
