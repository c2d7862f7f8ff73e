import { MeshReason, refuseMesh, type SoukError } from "#kit/error.ts";

/** A field of a request that cannot be taken, and what to do about it. */
export interface Violation {
  /** Its path in the request, for example "product.title". */
  readonly field: string;
  readonly description: string;
}

/**
 * Refuses a request for what its fields hold.
 *
 * @param violations at least one
 */
export function invalid(...violations: readonly Violation[]): SoukError {
  const [first] = violations;
  return refuseMesh(MeshReason.INVALID_REQUEST, `${first?.field}: ${first?.description}`, { violations });
}
