import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import jwt, { type JwtPayload } from "jsonwebtoken";
import { MeshReason, refuseMesh, type SoukError } from "../error.ts";
import type { Principal, ServicePrincipal, User } from "../principal.ts";
import type { Access, Identity } from "./access-snapshot.ts";

/** Who issues users' tokens, and for whom. */
export const USER_TOKEN = { issuer: "souk/auth", audience: "souk" } as const;
/** Whom services' own tokens are for; each service is the issuer of its own. */
export const SERVICE_TOKEN = { audience: "souk/mesh", lifetimeSeconds: 300 } as const;
/** The service whose tokens carry every permission: the operators' own tools. */
const OPERATOR = "operator";

/** A public key as a JSON Web Key Set names it (RFC 7517). */
export type PublicJwk = JsonWebKey & { readonly kid: string };

/** Checks tokens. */
export interface Authenticator {
  /**
   * Whom an authorization header speaks for.
   *
   * @param authorization "Bearer <token>"
   * @throws SoukError TOKEN_INVALID, or DEPENDENCY_UNAVAILABLE while that cannot be found out
   */
  authenticate(authorization: string): Promise<Principal>;
  /**
   * Keeps an eye on whether somebody whose token was good may still be spoken for.
   *
   * @param user who
   * @param over told once the session has ended or the account is disabled, with the refusal
   * @returns what ends that
   */
  watch(user: User, over: (refusal: unknown) => void): () => void;
  /**
   * Which service a service token speaks for.
   *
   * @param token the token
   * @throws SoukError TOKEN_INVALID
   */
  authenticateService(token: string): ServicePrincipal;
}

/**
 * Gives the key with an id, or undefined when there is none.
 *
 * @throws SoukError DEPENDENCY_UNAVAILABLE while nobody can tell whether there is one
 */
export type FindKey = (kid: string) => Promise<KeyObject | undefined>;

/** How many verified tokens are remembered; a signature costs a hundred times a look-up. */
const REMEMBERED_TOKENS = 10_000;

/**
 * Makes an authenticator.
 *
 * @param trustBundle the public keys of services; a key's id is "<service>:<anything>"
 * @param findUserKey finds the key that signed a user's token
 * @param access says what the user whom a token names may do right now
 */
export function createAuthenticator(
  trustBundle: readonly PublicJwk[],
  findUserKey: FindKey,
  { resolve, onNews }: Access,
): Authenticator {
  const serviceKeys = new Map(trustBundle.map((jwk) => [jwk.kid, publicKey(jwk)]));
  // What a token says stays the same for its life, what its user may do does not.
  const identities = rememberTokens<Identity>();
  const services = rememberTokens<ServicePrincipal>();

  function authenticateService(token: string): ServicePrincipal {
    const known = services.get(token);
    if (known !== undefined) return known;
    const kid = keyId(token);
    const key = serviceKeys.get(kid);
    if (key === undefined) throw invalid(`is signed by no service we trust (${kid})`);
    const name = serviceOfKey(kid);
    const payload = verify(token, key, { audience: SERVICE_TOKEN.audience, issuer: name });
    const permissions = new Set(name === OPERATOR ? ["*"] : []);
    return services.remember(token, { kind: "service", name, permissions }, payload);
  }

  return {
    authenticateService,
    async authenticate(authorization) {
      const token = /^Bearer +([\w.-]+)$/i.exec(authorization)?.[1];
      if (token === undefined) throw invalid('does not read "Bearer <access token>"');
      const known = identities.get(token);
      if (known !== undefined) return resolve(known);
      const kid = keyId(token);
      // Operators' tools send their service token where a browser would send a user's.
      if (serviceKeys.has(kid)) {
        if (serviceOfKey(kid) !== OPERATOR) throw invalid("is a service's own, which speaks for no user");
        return authenticateService(token);
      }
      const key = await findUserKey(kid);
      if (key === undefined) throw invalid("is signed with a key that is not, or no longer, in force");
      const payload = verify(token, key, USER_TOKEN);
      return resolve(identities.remember(token, identityOf(payload), payload));
    },
    watch(user, over) {
      // No scopes: it is asked whether, not what.
      const identity = { ...user, scopes: undefined };
      return onNews(() => {
        Promise.try(resolve, identity).catch(over);
      });
    },
  };
}

/**
 * The public key of a JSON Web Key.
 *
 * @param jwk the key
 * @throws Error when it is not one
 */
export function publicKey(jwk: JsonWebKey): KeyObject {
  return createPublicKey({ key: jwk, format: "jwk" });
}

function serviceOfKey(kid: string): string {
  return kid.split(":", 1)[0] ?? kid;
}

function identityOf({ sub, email, roles, sid, scope }: JwtPayload): Identity {
  return {
    id: String(sub),
    email: String(email ?? ""),
    roles: Array.isArray(roles) ? roles.map(String) : [],
    sessionId: String(sid ?? ""),
    scopes: typeof scope === "string" ? scope.split(" ") : undefined,
  };
}

function keyId(token: string): string {
  const kid = jwt.decode(token, { complete: true })?.header.kid;
  if (kid === undefined) throw invalid("is malformed or names no key");
  return kid;
}

function verify(token: string, key: KeyObject, expected: { audience: string; issuer: string }): JwtPayload {
  try {
    return jwt.verify(token, key, { ...expected, algorithms: ["ES256"] }) as JwtPayload;
  } catch (cause) {
    throw invalid(cause instanceof Error ? `is not good: ${cause.message}` : "is not good", cause);
  }
}

function invalid(why: string, cause?: unknown): SoukError {
  return refuseMesh(MeshReason.TOKEN_INVALID, `the token ${why}; sign in again or refresh it`, { cause });
}

function rememberTokens<P>() {
  const known = new Map<string, { readonly principal: P; readonly expiresAt: number }>();
  return {
    get(token: string): P | undefined {
      const found = known.get(token);
      if (found === undefined) return undefined;
      if (found.expiresAt > Date.now()) return found.principal;
      known.delete(token);
      return undefined;
    },
    remember(token: string, principal: P, payload: JwtPayload): P {
      if (known.size >= REMEMBERED_TOKENS) {
        const oldest = known.keys().next();
        if (oldest.done !== true) known.delete(oldest.value);
      }
      known.set(token, { principal, expiresAt: (payload.exp ?? 0) * 1000 });
      return principal;
    },
  };
}
