import type { KeyObject } from "node:crypto";
import { MeshReason, refuseMesh } from "../error.ts";
import { type FindKey, type PublicJwk, publicKey } from "./authenticator.ts";

/** How long a fetched key set is used without asking again, in ms. */
const FRESH_MS = 300_000;
/** The least time between two fetches, in ms, so that made-up key ids cannot cause a flood. */
const FETCH_INTERVAL_MS = 500;

/**
 * Finds keys in a key set that somebody publishes, with a cache. An unknown key id makes it ask
 * again, for keys rotate; when the publisher is away, the keys known so far go on serving, and of others nobody
 * knows whether there are any.
 *
 * @param fetchKeySet gets the JSON text of the key set (RFC 7517), for all who wait for it
 */
export function cachedKeySet(fetchKeySet: () => Promise<string>): FindKey {
  let keys = new Map<string, KeyObject>();
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;
  let failure: unknown;

  async function fetchKeys(): Promise<void> {
    triedAt = Date.now();
    try {
      const { keys: jwks } = JSON.parse(await fetchKeySet()) as { keys: PublicJwk[] };
      keys = new Map(jwks.map((jwk) => [jwk.kid, publicKey(jwk)]));
      fetchedAt = Date.now();
      failure = undefined;
    } catch (error) {
      failure = error;
    }
  }

  return async (kid) => {
    const known = keys.get(kid);
    if (known !== undefined && Date.now() - fetchedAt < FRESH_MS) return known;
    if (fetching === undefined && Date.now() - triedAt >= FETCH_INTERVAL_MS) {
      fetching = fetchKeys().finally(() => {
        fetching = undefined;
      });
    }
    await fetching;
    const key = keys.get(kid) ?? known;
    if (key !== undefined || failure === undefined) return key;
    throw refuseMesh(
      MeshReason.DEPENDENCY_UNAVAILABLE,
      "the keys that sign tokens cannot be read right now; try again in a moment",
      { retryAfterMs: FETCH_INTERVAL_MS, cause: failure },
    );
  };
}
