import { createHash, randomBytes } from "node:crypto";
import type { Scope } from "#kit/scope.ts";
import { ErrorReason, refuse } from "../errors.ts";

/** Who shops: a customer who is signed in, or a guest with the token of a cart. */
export interface Shopper {
  readonly owner: Owner;
  /** The token of a guest's cart; "" for a customer. */
  readonly cartToken: string;
  /** Where to write to a customer; "" for a guest, who says it with the order. */
  readonly email: string;
  /** The groups for prices and promotions that follow from who asks: the roles of a customer. */
  readonly groups: readonly string[];
}

/** Whose a cart is: a customer's, or of whoever has its token, who may be signed in; undefined where nobody is. */
export type Owner =
  | { readonly customerId: string }
  | { readonly tokenHash: string; readonly signedInId?: string | undefined };

/** As many groups as product takes. */
const MOST_GROUPS = 20;

/**
 * Who shops with a call.
 *
 * @param scope the call
 * @param cartToken the token of a guest's cart; "" for the cart of the customer who asks
 * @throws SoukError CART_NOT_FOUND when nobody is signed in and no token is sent
 */
export function shopperOf(scope: Scope, cartToken: string): Shopper {
  // An API key carries permissions, and the cart of its owner is none.
  const user = scope.principal.kind === "user" && !scope.principal.machine ? scope.principal : undefined;
  const groups = user?.roles.slice(0, MOST_GROUPS) ?? [];
  if (cartToken !== "") {
    const owner = { tokenHash: hashOf(cartToken), signedInId: user?.id };
    return { owner, cartToken, email: user?.email ?? "", groups };
  }
  if (user === undefined) {
    throw refuse(
      ErrorReason.CART_NOT_FOUND,
      "it is not said whose cart: sign in, or send cart_token, the token of a guest's cart",
    );
  }
  return { owner: { customerId: user.id }, cartToken: "", email: user.email, groups };
}

/**
 * In which groups somebody shops: those in which staff put the customer, and those that follow from who asks.
 *
 * @param shopper who asks
 * @param state the cart, which tells the former
 */
export function groupsOf(
  { groups }: Shopper,
  { groups: kept }: { readonly groups: readonly string[] },
): readonly string[] {
  return kept.length === 0 ? groups : [...new Set([...kept, ...groups])].slice(0, MOST_GROUPS);
}

/** A token that nobody guesses: 32 random bytes. */
export function newToken(): string {
  return randomBytes(32).toString("base64url");
}

/**
 * What is kept of a token: enough to know it again, and nothing to use it with.
 *
 * @param token the token
 */
export function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
