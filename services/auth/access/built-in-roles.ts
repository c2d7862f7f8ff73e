import { CUSTOMER } from "../accounts.ts";
import { PERMISSION_NAMES } from "./permissions.ts";

/** A role that comes with the shop. Staff may change it, except for the administrators' own. */
export interface BuiltInRole {
  readonly name: string;
  readonly display_name: string;
  readonly description: string;
  readonly permissions: readonly string[];
}

/** The role that holds every permission there is, those of later releases too. */
export const ADMIN = "admin";

/** The roles that come with the shop, as long as nobody changes them. */
export const BUILT_IN_ROLES: ReadonlyMap<string, BuiltInRole> = byName(
  {
    name: CUSTOMER,
    display_name: "Customer",
    description: "Everybody who has an account.",
    permissions: [],
  },
  {
    name: "premium",
    display_name: "Premium customer",
    description: "A customer who may call more often.",
    permissions: [],
  },
  {
    name: "support",
    display_name: "Support",
    description: "Helps customers with their orders, returns and accounts.",
    permissions: [
      "orders:read",
      "orders:write",
      "orders:edit",
      "orders:cancel",
      "returns:write",
      "payments:read",
      "store-credit:read",
      "gift-cards:read",
      "users:read",
      "users:write",
      "inventory:read",
      "products:read",
      "promotions:read",
      "notifications:read",
      "reviews:read",
      "reviews:moderate",
    ],
  },
  {
    name: "catalogue-manager",
    display_name: "Catalogue manager",
    description: "Keeps products, prices, promotions and reviews.",
    permissions: [
      "products:read",
      "products:write",
      "products:publish",
      "products:import",
      "promotions:read",
      "promotions:write",
      "reviews:read",
      "reviews:moderate",
      "inventory:read",
    ],
  },
  {
    name: "warehouse",
    display_name: "Warehouse",
    description: "Keeps the stock and ships orders.",
    permissions: [
      "inventory:read",
      "inventory:write",
      "inventory:adjust",
      "inventory:count",
      "inventory:transfer",
      "orders:read",
      "orders:ship",
      "returns:write",
      "products:read",
    ],
  },
  {
    name: "finance",
    display_name: "Finance",
    description: "Keeps payments, refunds and the books.",
    permissions: [
      "payments:read",
      "payments:write",
      "payments:refund",
      "payments:reconcile",
      "ledger:read",
      "orders:read",
      "orders:refund",
      "gift-cards:read",
      "gift-cards:write",
      "store-credit:read",
      "store-credit:write",
      "promotions:read",
      "audit:read",
    ],
  },
  {
    name: ADMIN,
    display_name: "Administrator",
    description: "May do everything.",
    permissions: [...PERMISSION_NAMES],
  },
);

function byName(...roles: BuiltInRole[]): ReadonlyMap<string, BuiltInRole> {
  return new Map(roles.map((role) => [role.name, role]));
}
