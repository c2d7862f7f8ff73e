import { MeshReason, refuseMesh } from "#kit/error.ts";

/**
 * The version that an etag names.
 *
 * @param etag as a caller sent it; any version when empty
 * @throws SoukError INVALID_REQUEST when no answer gave it
 */
export function versionOf(etag: string): number | undefined {
  if (etag === "") return undefined;
  if (/^[0-9]{1,9}$/.test(etag)) return Number(etag);
  const description = "is not an etag that this service gave";
  throw refuseMesh(MeshReason.INVALID_REQUEST, `etag: ${description}`, {
    violations: [{ field: "etag", description }],
  });
}
