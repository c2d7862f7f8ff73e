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
