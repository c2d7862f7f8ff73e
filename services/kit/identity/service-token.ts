import { createPrivateKey, type JsonWebKey } from "node:crypto";
import jwt from "jsonwebtoken";
import { SERVICE_TOKEN } from "./authenticator.ts";

/** A token is replaced when this much of its life is left, in ms. */
const RENEW_BEFORE_MS = 60_000;

/**
 * Makes the function that gives a service its own current token: a JWT that it signs itself and
 * that others verify with the trust bundle, so that proving who one is needs no other service.
 *
 * @param name the service's name, which is the id of its key
 * @param privateJwk its private ES256 key
 */
export function serviceTokens(name: string, privateJwk: JsonWebKey): () => string {
  const key = createPrivateKey({ key: privateJwk, format: "jwk" });
  let token = "";
  let renewAt = 0;
  return () => {
    const now = Date.now();
    if (now >= renewAt) {
      token = jwt.sign({}, key, {
        algorithm: "ES256",
        keyid: name,
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
