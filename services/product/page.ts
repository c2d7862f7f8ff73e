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
