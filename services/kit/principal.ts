import { MeshReason, refuseMesh } from "./error.ts";

/** Who a piece of work is done for. */
export type Principal = Anonymous | User | ServicePrincipal;

/** Nobody in particular. */
export interface Anonymous {
  readonly kind: "anonymous";
}

/** Somebody who signed in. */
export interface User {
  readonly kind: "user";
  readonly id: string;
  readonly email: string;
  readonly roles: readonly string[];
  readonly permissions: ReadonlySet<string>;
  /** The sign-in, or the API key, that the call comes from. */
  readonly sessionId: string;
  /** Whether it is a machine with an API key, which may do what its permissions say and nothing else. */
  readonly machine: boolean;
}

/** A service that works on its own account, or an operator's tool. */
export interface ServicePrincipal {
  readonly kind: "service";
  readonly name: string;
  readonly permissions: ReadonlySet<string>;
}

/** The one value for work that is done for nobody in particular. */
export const ANONYMOUS: Anonymous = { kind: "anonymous" };

/**
 * A text that is different for each principal, for keys that must keep them apart.
 *
 * @param principal who is meant
 */
export function principalKey(principal: Principal): string {
  switch (principal.kind) {
    case "anonymous":
      return "anonymous";
    case "user":
      return `user:${principal.id}`;
    case "service":
      return `service:${principal.name}`;
  }
}

/**
 * The signed-in user whom a piece of work is done for.
 *
 * @param scope the work
 * @throws SoukError TOKEN_MISSING when it is done for nobody, or for a service
 */
export function requireUser({ principal }: { readonly principal: Principal }): User {
  if (principal.kind === "user") return principal;
  throw refuseMesh(MeshReason.TOKEN_MISSING, "this is done for a signed-in user; send a user's access token");
}
