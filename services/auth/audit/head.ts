import { createPrivateKey } from "node:crypto";
import jwt from "jsonwebtoken";
import { type PublicJwk, publicKey } from "#kit/identity/authenticator.ts";

/** Where a chain ends. */
export interface Head {
  /** The number of the last record; 0 when there is none. */
  readonly seq: bigint;
  /** Its hash. */
  readonly hash: Uint8Array;
}

/** Keeps these signatures apart from the tokens that the same key signs. */
const FORM = { issuer: "auth", audience: "souk/audit" } as const;

/** A head as people keep it: its number and its hash in hexadecimal. */
export function headText({ seq, hash }: Head): string {
  return `${seq}:${Buffer.from(hash).toString("hex")}`;
}

/**
 * Makes the function that signs where the chain ends.
 *
 * @param privateJwk the private key of the auth service
 */
export function headSigner(privateJwk: PublicJwk): (head: Head) => string {
  const key = createPrivateKey({ key: privateJwk, format: "jwk" });
  return (head) =>
    jwt.sign({ head: headText(head) }, key, { ...FORM, algorithm: "ES256", keyid: privateJwk.kid });
}

/**
 * Whether auth signed where the chain ends.
 *
 * @param trustBundle the public keys of services
 */
export function isSigned(head: Head, signature: string, trustBundle: readonly PublicJwk[]): boolean {
  const kid = jwt.decode(signature, { complete: true })?.header.kid ?? "";
  const jwk = trustBundle.find((it) => it.kid === kid);
  if (jwk === undefined || !kid.startsWith(`${FORM.issuer}:`)) return false;
  try {
    const payload = jwt.verify(signature, publicKey(jwk), { ...FORM, algorithms: ["ES256"] });
    return typeof payload === "object" && payload["head"] === headText(head);
  } catch {
    return false;
  }
}
