import { type Kysely, sql } from "kysely";
import type { Tables } from "#kit/data/tables.ts";
import type { entities } from "../entities.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { BUILT_IN_ROLES } from "./built-in-roles.ts";

/** A role as it is in force. */
export interface RoleInForce {
  readonly name: string;
  readonly display_name: string;
  readonly description: string;
  readonly permissions: readonly string[];
  /** Counts its changes; 0 for a built-in one that nobody changed. */
  readonly version: number;
}

/** The roles in force by name: those that came with the shop, and over them what staff stored. */
export async function listRoles({ sql: query }: { readonly sql: AuthSql }): Promise<RoleInForce[]> {
  const stored = await query.selectFrom("role").selectAll().execute();
  const roles = new Map<string, RoleInForce>();
  for (const role of BUILT_IN_ROLES.values()) roles.set(role.name, { ...role, version: 0 });
  for (const role of stored) roles.set(role.name, role);
  return [...roles.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * The role in force under a name.
 *
 * @throws SoukError ROLE_NOT_FOUND
 */
export async function findRole(
  { sql: query }: { readonly sql: AuthSql },
  name: string,
): Promise<RoleInForce> {
  const stored = await query.selectFrom("role").selectAll().where("name", "=", name).executeTakeFirst();
  const builtIn = BUILT_IN_ROLES.get(name);
  const role = stored ?? (builtIn && { ...builtIn, version: 0 });
  if (role !== undefined) return role;
  throw refuse(ErrorReason.ROLE_NOT_FOUND, `there is no role ${name}; list the roles`, {
    metadata: { role: name },
  });
}

/** A condition on accounts: that they hold a role. */
export function holds(role: string) {
  return sql<boolean>`account.roles @> array[${role}]::text[]`;
}

type AuthSql = Kysely<Tables<typeof entities>>;
