import { createHash } from "node:crypto";
import { MeshReason, refuseMesh } from "../error.ts";

/**
 * The opaque token with which a list goes on.
 *
 * @param list what is listed: the method and everything that filters or orders it
 * @param position the sort key of the last row given
 */
export function encodePageToken(list: string, position: readonly string[]): string {
  return Buffer.from(JSON.stringify([fingerprint(list), ...position])).toString("base64url");
}

/**
 * Where a list goes on.
 *
 * @param list as it was encoded
 * @param token the token; empty for the beginning
 * @returns the sort key of the last row given; nothing at the beginning
 * @throws SoukError PAGE_TOKEN_INVALID when the token is not one of this list
 */
export function decodePageToken(list: string, token: string): string[] {
  if (token === "") return [];
  const parts = parse(token);
  if (parts === undefined || parts[0] !== fingerprint(list)) {
    const description = "is not a token that this list gave; begin without one";
    throw refuseMesh(MeshReason.PAGE_TOKEN_INVALID, `page_token ${description}`, {
      violations: [{ field: "page_token", description }],
    });
  }
  return parts.slice(1);
}

function parse(token: string): string[] | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    return Array.isArray(parts) && parts.every((it) => typeof it === "string") ? parts : undefined;
  } catch {
    return undefined;
  }
}

function fingerprint(list: string): string {
  return createHash("sha256").update(list).digest("base64url").slice(0, 8);
}
