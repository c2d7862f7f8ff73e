import { createHash } from "node:crypto";
import { MeshReason, refuseMesh } from "../error.ts";

/** A part of a sort key that is an id. */
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** A part of a sort key that is a whole number. */
export const NUMBER = /^[0-9]{1,18}$/;

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
 * @param shape what each part of the sort key looks like; a made-up token must not reach a statement
 * @returns the sort key of the last row given; nothing at the beginning
 * @throws SoukError PAGE_TOKEN_INVALID when the token is not one of this list
 */
export function decodePageToken(list: string, token: string, shape: readonly RegExp[]): string[] {
  if (token === "") return [];
  const [mark, ...position] = parse(token) ?? [];
  const fits =
    position.length === shape.length && shape.every((part, index) => part.test(position[index] ?? ""));
  if (mark !== fingerprint(list) || !fits) {
    const description = "is not a token that this list gave; begin without one";
    throw refuseMesh(MeshReason.PAGE_TOKEN_INVALID, `page_token ${description}`, {
      violations: [{ field: "page_token", description }],
    });
  }
  return position;
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
