import type { IncomingMessage, ServerResponse } from "node:http";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import type { Member } from "#kit/mesh/join-mesh.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";

const PATH = "/.well-known/jwks.json";
const TIMEOUT_MS = 2_000;
/** How long others may keep it, in seconds; new keys are published for longer than that before they sign. */
const FRESH_SECONDS = 300;

/**
 * Shows the public keys that verify access tokens where others look for them (RFC 7517, 8.5.1; RFC 8414), by
 * asking auth.
 *
 * @param member the gateway's place in the mesh
 * @returns answers a request for the keys; says whether it was one
 */
export function keySet({ log, mesh }: Member) {
  const scopes = rootScopes(log, mesh);
  return (request: IncomingMessage, response: ServerResponse, path: string): boolean => {
    if (path !== PATH || (request.method !== "GET" && request.method !== "HEAD")) return false;
    scopes({ timeoutMs: TIMEOUT_MS })
      .mesh(AuthService)
      .getKeySet({})
      .then(({ jwksJson }) => {
        response.writeHead(200, {
          "content-type": "application/jwk-set+json",
          "cache-control": `public, max-age=${FRESH_SECONDS}`,
        });
        response.end(request.method === "HEAD" ? undefined : jwksJson);
      })
      .catch((error: unknown) => {
        log.warn({ err: error }, "the key set cannot be shown");
        response.writeHead(503, { "content-type": "application/json", "retry-after": "1" });
        response.end(JSON.stringify({ code: "unavailable", message: "the keys cannot be had right now" }));
      });
    return true;
  };
}
