import { createHash, randomBytes } from "node:crypto";
import jwt from "jsonwebtoken";
import { uuidv7 } from "uuidv7";
import { USER_TOKEN } from "#kit/identity/authenticator.ts";
import type { SigningKeyPair } from "./signing-keys.ts";

/** How long tokens are good for, in ms. */
export interface TokenLifetimes {
  readonly accessMs: number;
  readonly refreshMs: number;
}

/** Whom an access token speaks for. */
export interface TokenSubject {
  readonly id: string;
  readonly email: string;
  readonly roles: readonly string[];
  /** The sign-in or the API key that the token ends with. */
  readonly sessionId: string;
  /** The permissions to which an API key confines it (RFC 9068, 2.2.3). */
  readonly scopes?: readonly string[];
}

/**
 * Makes an access token: a JWT (RFC 7519) that every service verifies by itself. It names roles and
 * not permissions, so that a change of a role reaches those who are signed in.
 *
 * @param subject whom it speaks for
 * @param key signs it
 * @param lifetimeMs how long it is good for, in ms
 */
export function signAccessToken(
  { id, email, roles, sessionId, scopes }: TokenSubject,
  key: SigningKeyPair,
  lifetimeMs: number,
): string {
  const scope = scopes === undefined ? {} : { scope: scopes.join(" ") };
  return jwt.sign({ email, roles, sid: sessionId, ...scope }, key.privateKey, {
    ...USER_TOKEN,
    algorithm: "ES256",
    keyid: key.kid,
    subject: id,
    jwtid: uuidv7(),
    expiresIn: Math.ceil(lifetimeMs / 1000),
  });
}

/** Makes an opaque token of 256 random bits; only its hash is stored. */
export function makeToken(): string {
  return randomBytes(32).toString("base64url");
}

/** The form in which opaque tokens are stored: who reads the database cannot use them. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
