import { createHash, randomBytes } from "node:crypto";
import jwt from "jsonwebtoken";
import { uuidv7 } from "uuidv7";
import { USER_TOKEN } from "#kit/identity/authenticator.ts";
import type { AuthTransaction } from "./database.ts";
import type { SigningKeyPair } from "./signing-keys.ts";

/** How long tokens are good for, in ms. */
export interface TokenLifetimes {
  readonly accessMs: number;
  readonly refreshMs: number;
}

/** Whom tokens are made for. */
export interface TokenSubject {
  readonly id: string;
  readonly email: string;
  readonly roles: readonly string[];
}

/**
 * Makes an access token: a JWT (RFC 7519) that every service verifies by itself.
 *
 * @param subject whom it speaks for
 * @param key signs it
 * @param lifetimeMs how long it is good for, in ms
 */
export function signAccessToken(subject: TokenSubject, key: SigningKeyPair, lifetimeMs: number): string {
  return jwt.sign({ email: subject.email, roles: subject.roles }, key.privateKey, {
    ...USER_TOKEN,
    algorithm: "ES256",
    keyid: key.kid,
    subject: subject.id,
    jwtid: uuidv7(),
    expiresIn: Math.ceil(lifetimeMs / 1000),
  });
}

/**
 * Gives out a refresh token; only its hash is stored.
 *
 * @param tx the transaction of the sign-in or of the refresh
 * @param accountId whose it is
 * @param familyId the sign-in that it descends from
 * @param lifetimeMs how long it is good for, in ms
 */
export async function issueRefreshToken(
  tx: AuthTransaction,
  accountId: string,
  familyId: string,
  lifetimeMs: number,
): Promise<string> {
  const token = randomBytes(32).toString("base64url");
  await tx.sql
    .insertInto("refresh_token")
    .values({
      token_hash: hashToken(token),
      family_id: familyId,
      account_id: accountId,
      expire_time: new Date(Date.now() + lifetimeMs),
    })
    .execute();
  return token;
}

/** The form in which a refresh token is stored. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
