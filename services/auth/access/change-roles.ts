import { RoleChangedSchema } from "#gen/souk/auth/v1/events_pb.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Principal } from "#kit/principal.ts";
import type { Scope } from "#kit/scope.ts";
import type { AuthDatabase, AuthTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { ADMIN, BUILT_IN_ROLES } from "./built-in-roles.ts";
import { inTurn, requireHeld } from "./held-permissions.ts";
import { PERMISSION_NAMES } from "./permissions.ts";
import { findRole, holds, listRoles, type RoleInForce } from "./roles.ts";

/** What of a role can be changed. */
export type RoleChange = Partial<Pick<RoleInForce, "display_name" | "description" | "permissions">>;

/** How many roles staff may make. */
const MOST_ROLES = 190;

/**
 * Makes a role.
 *
 * @param by who asks; must hold every permission of the role
 * @throws SoukError ROLE_EXISTS, PERMISSION_NOT_FOUND or SCOPE_NOT_HELD
 */
export async function createRole(
  db: AuthDatabase,
  scope: Scope,
  by: Principal,
  wanted: Omit<RoleInForce, "version">,
): Promise<RoleInForce> {
  requireKnown(wanted.permissions);
  return db.write(scope, async (tx) => {
    await inTurn(tx);
    await requireHeld(tx, by, wanted.permissions);
    const all = await listRoles(tx);
    if (all.some(({ name }) => name === wanted.name)) {
      throw refuse(ErrorReason.ROLE_EXISTS, `a role ${wanted.name} exists; update it`);
    }
    if (all.length >= BUILT_IN_ROLES.size + MOST_ROLES) throw tooMany();
    return store(tx, { ...wanted, version: 1 });
  });
}

/**
 * Changes a role; whoever holds it feels it as soon as services have asked.
 *
 * @param by who asks; must hold every permission that the role has, or is to have
 * @param version the version that the caller read; undefined takes any
 * @throws SoukError ROLE_NOT_FOUND, ROLE_BUILT_IN, PERMISSION_NOT_FOUND, SCOPE_NOT_HELD or ETAG_MISMATCH
 */
export async function updateRole(
  db: AuthDatabase,
  scope: Scope,
  by: Principal,
  name: string,
  change: RoleChange,
  version: number | undefined,
): Promise<RoleInForce> {
  requireKnown(change.permissions ?? []);
  return db.write(scope, async (tx) => {
    await inTurn(tx);
    const role = await findRole(tx, name);
    if (name === ADMIN) {
      throw refuse(ErrorReason.ROLE_BUILT_IN, `the role ${ADMIN} holds every permission and stays as it is`);
    }
    await requireHeld(tx, by, [...role.permissions, ...(change.permissions ?? [])]);
    if (version !== undefined && version !== role.version) {
      throw refuseMesh(
        MeshReason.ETAG_MISMATCH,
        "the role was changed meanwhile; read it and change it again",
      );
    }
    return store(tx, { ...role, ...change, version: role.version + 1 });
  });
}

/**
 * Removes a role that no account holds; one that is not there is no error.
 *
 * @param by who asks; must hold every permission of the role
 * @throws SoukError ROLE_BUILT_IN, ROLE_IN_USE or SCOPE_NOT_HELD
 */
export async function deleteRole(db: AuthDatabase, scope: Scope, by: Principal, name: string): Promise<void> {
  if (BUILT_IN_ROLES.has(name)) {
    throw refuse(ErrorReason.ROLE_BUILT_IN, `the role ${name} came with the shop and cannot be removed`);
  }
  await db.write(scope, async (tx) => {
    await inTurn(tx);
    const role = await tx.sql.selectFrom("role").selectAll().where("name", "=", name).executeTakeFirst();
    if (role === undefined) return;
    await requireHeld(tx, by, role.permissions);
    const holder = await tx.sql
      .selectFrom("account")
      .select("id")
      .where(holds(name))
      .limit(1)
      .executeTakeFirst();
    if (holder !== undefined) {
      throw refuse(ErrorReason.ROLE_IN_USE, `accounts hold the role ${name}; revoke it first`);
    }
    await tx.sql.deleteFrom("role").where("name", "=", name).execute();
    tx.emit(RoleChangedSchema, { role: name, permissions: [] });
  });
}

async function store(tx: AuthTransaction, role: RoleInForce): Promise<RoleInForce> {
  const permissions = [...role.permissions].sort();
  const row = { ...role, permissions };
  await tx.sql
    .insertInto("role")
    .values(row)
    .onConflict((conflict) => conflict.column("name").doUpdateSet(row))
    .execute();
  tx.emit(RoleChangedSchema, { role: role.name, permissions });
  return row;
}

function requireKnown(permissions: readonly string[]): void {
  const unknown = permissions.find((it) => !PERMISSION_NAMES.has(it));
  if (unknown === undefined) return;
  throw refuse(
    ErrorReason.PERMISSION_NOT_FOUND,
    `no method asks for the permission ${unknown}; list the permissions`,
    {
      metadata: { permission: unknown },
      violations: [{ field: "role.permissions", description: `names ${unknown}, which is none` }],
    },
  );
}

function tooMany() {
  const description = `there are ${MOST_ROLES} roles already; remove one first`;
  return refuseMesh(MeshReason.INVALID_REQUEST, `role: ${description}`, {
    violations: [{ field: "role", description }],
  });
}
