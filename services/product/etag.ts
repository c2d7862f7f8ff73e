import { MeshReason, refuseMesh } from "#kit/error.ts";

/**
 * Refuses a change of what has changed since its caller read it.
 *
 * @param etag what the caller read; empty takes any
 * @param version the version of what is to be changed
 * @param what names it for people, for example "the product"
 * @throws SoukError ETAG_MISMATCH
 */
export function requireEtag(etag: string, version: number, what: string): void {
  if (etag === "" || etag === `${version}`) return;
  throw refuseMesh(MeshReason.ETAG_MISMATCH, `${what} changed meanwhile; read it and change it again`);
}
