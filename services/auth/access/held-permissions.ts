import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Principal } from "#kit/principal.ts";
import type { AuthTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { listRoles } from "./roles.ts";

/**
 * Has changes of access made one at a time, so that each sees what the one before did: the last
 * administrator cannot be taken away by two who do it at once, nor a role removed while it is granted.
 * They are rare.
 */
export async function inTurn(tx: AuthTransaction): Promise<void> {
  await tx.run("select pg_advisory_xact_lock(hashtext('souk/auth/access'))", []);
}

/**
 * The rule against climbing. A method of access asks for access:write; beyond that, nobody handles more
 * than they hold: to make or change a role, to grant or revoke it, and to disable or enable an account, one
 * must hold every permission of the roles in question. So somebody who keeps the access of the warehouse
 * can make nobody an administrator, oneself included, and can take nothing from an administrator either.
 *
 * What somebody holds is read here in the transaction of the change, not taken from the token: one whose
 * role was revoked a moment ago hands nothing on. Operators' tools hold everything.
 *
 * @param by who asks
 * @param permissions what the change is about
 * @throws SoukError SCOPE_NOT_HELD that names what is missing; PERMISSION_MISSING
 */
export async function requireHeld(
  tx: AuthTransaction,
  by: Principal,
  permissions: readonly string[],
): Promise<void> {
  const held = await heldBy(tx, by);
  if (held === "everything") return;
  if (!held.has("access:write")) {
    throw refuseMesh(MeshReason.PERMISSION_MISSING, "the permission access:write is no longer held", {
      metadata: { permission: "access:write" },
    });
  }
  const missing = permissions.find((it) => !held.has(it));
  if (missing === undefined) return;
  throw refuse(ErrorReason.SCOPE_NOT_HELD, `one can only handle what one holds; ${missing} is not held`, {
    metadata: { permission: missing },
  });
}

/**
 * The permissions that an account holds right now.
 *
 * @param accountId the account; one that is disabled or gone holds none
 */
export async function permissionsOf(tx: AuthTransaction, accountId: string): Promise<ReadonlySet<string>> {
  const account = await tx.sql
    .selectFrom("account")
    .select("roles")
    .where("id", "=", accountId)
    .where("disable_time", "is", null)
    .executeTakeFirst();
  return new Set(await permissionsOfRoles(tx, account?.roles ?? []));
}

/** The permissions that some roles hold; a role that is not there holds none. */
export async function permissionsOfRoles(tx: AuthTransaction, names: readonly string[]): Promise<string[]> {
  const roles = await listRoles(tx);
  return roles.filter(({ name }) => names.includes(name)).flatMap(({ permissions }) => permissions);
}

async function heldBy(tx: AuthTransaction, by: Principal): Promise<ReadonlySet<string> | "everything"> {
  if (by.kind === "anonymous") return new Set();
  if (by.kind === "service") return by.permissions.has("*") ? "everything" : by.permissions;
  const held = await permissionsOf(tx, by.id);
  return by.machine ? by.permissions.intersection(held) : held;
}
