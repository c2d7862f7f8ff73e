import { createPrivateKey } from "node:crypto";
import jwt from "jsonwebtoken";
import { type PublicJwk, SERVICE_TOKEN } from "./authenticator.ts";

/** A token is replaced when this much of its life is left, in ms. */
const RENEW_BEFORE_MS = 60_000;

/**
 * Makes the function that gives a service its own current token: a JWT that it signs itself and
 * that others verify with the trust bundle, so that proving who one is needs no other service.
 *
 * @param name the service's name
 * @param privateJwk its private ES256 key, whose id begins with the name
 */
export function serviceTokens(name: string, privateJwk: PublicJwk): () => string {
  const key = createPrivateKey({ key: privateJwk, format: "jwk" });
  let token = "";
  let renewAt = 0;
  return () => {
    const now = Date.now();
    if (now >= renewAt) {
      token = jwt.sign({}, key, {
        algorithm: "ES256",
        keyid: privateJwk.kid,
        issuer: name,
        subject: name,
        audience: SERVICE_TOKEN.audience,
        expiresIn: SERVICE_TOKEN.lifetimeSeconds,
      });
      renewAt = now + SERVICE_TOKEN.lifetimeSeconds * 1000 - RENEW_BEFORE_MS;
    }
    return token;
  };
}
