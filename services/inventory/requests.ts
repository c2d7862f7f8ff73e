import { decodePageToken, encodePageToken } from "#kit/data/page-token.ts";

/** How many items a page has when the caller does not say. */
const PAGE_SIZE = 20;

/** A page of a list. */
export interface Page<T> {
  readonly items: T[];
  /** Empty at the end. */
  readonly nextPageToken: string;
}

/**
 * Reads the page of a list that a request asks for.
 *
 * @param request what size the page has, and where to go on
 * @param list what is listed: the method and everything that filters it
 * @param shape what each part of the sort key looks like
 * @param read reads as many items as said after a position, from the beginning where there is none
 * @param positionOf the sort key of an item
 * @throws SoukError PAGE_TOKEN_INVALID
 */
export async function pageOf<T>(
  { pageSize, pageToken }: { readonly pageSize: number; readonly pageToken: string },
  list: string,
  shape: readonly RegExp[],
  read: (limit: number, position: readonly string[]) => Promise<readonly T[]>,
  positionOf: (item: T) => readonly string[],
): Promise<Page<T>> {
  const size = pageSize || PAGE_SIZE;
  // One more than asked for tells whether there is a next page.
  const found = await read(size + 1, decodePageToken(list, pageToken, shape));
  const items = found.slice(0, size);
  const last = found.length > size ? items.at(-1) : undefined;
  return {
    items,
    nextPageToken: last === undefined ? "" : encodePageToken(list, positionOf(last)),
  };
}

/**
 * An id of a request that may be left out.
 *
 * @param name what to call it
 * @param id empty when it is left out
 */
export function given<N extends string>(name: N, id: string): Partial<Record<N, string>> {
  return (id === "" ? {} : { [name]: id.toLowerCase() }) as Partial<Record<N, string>>;
}

/**
 * The name of a value of an enum of the contract.
 *
 * @param values the enum
 * @param value one of its values
 * @returns undefined for UNSPECIFIED
 */
export function nameOf<N extends string>(
  values: Readonly<Record<string, number>>,
  value: number,
): N | undefined {
  if (value === 0) return undefined;
  return Object.keys(values).find((name) => values[name] === value) as N | undefined;
}
