import { decodePageToken } from "#kit/data/page-token.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";

/** How many products a page has unless another number is asked for. */
const PAGE_SIZE = 20;

/** Which part of a list is asked for. */
export interface PageRequest {
  /** How many products at most; 0 for the usual number. */
  readonly pageSize: number;
  /** Where to go on; empty for the beginning. */
  readonly pageToken: string;
}

/** How many products a page shall have. */
export function sizeOf({ pageSize }: PageRequest): number {
  return pageSize === 0 ? PAGE_SIZE : pageSize;
}

/**
 * Where a list goes on.
 *
 * @param list what is listed, as its tokens were encoded
 * @param page the request
 * @param shapes what the parts of a position look like
 * @returns the sort key of the last product given; undefined at the beginning
 * @throws SoukError PAGE_TOKEN_INVALID when the token is not one of this list
 */
export function positionOf(
  list: string,
  { pageToken }: PageRequest,
  shapes: readonly RegExp[],
): string[] | undefined {
  const position = decodePageToken(list, pageToken);
  if (position.length === 0 && pageToken === "") return undefined;
  if (position.length === shapes.length && shapes.every((shape, at) => shape.test(position[at] as string))) {
    return position;
  }
  const description = "is not a token that this list gave; begin without one";
  throw refuseMesh(MeshReason.PAGE_TOKEN_INVALID, `page_token ${description}`, {
    violations: [{ field: "page_token", description }],
  });
}

/** What the id of a product looks like. */
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
