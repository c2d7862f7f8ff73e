import { sql } from "kysely";
import { AccountRolesChangedSchema } from "#gen/souk/auth/v1/events_pb.ts";
import { plannedEachTime } from "#kit/data/planned-each-time.ts";
import type { Principal } from "#kit/principal.ts";
import type { Scope } from "#kit/scope.ts";
import { accountNotFound, lockAccount, type StoredAccount } from "../accounts.ts";
import { revokeApiKeys } from "../api-keys.ts";
import type { AuthDatabase, AuthTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { hashPassword } from "../password.ts";
import { requireStrongPassword } from "../password-strength.ts";
import { createAccount, type Registration } from "../register.ts";
import { endSessions } from "../sessions.ts";
import { ADMIN } from "./built-in-roles.ts";
import { inTurn, permissionsOfRoles, requireHeld } from "./held-permissions.ts";
import { findRole, holds } from "./roles.ts";

/** An account, as those see it who keep the access to the shop. */
export interface AccountAccess {
  readonly id: string;
  readonly email: string;
  readonly roles: string[];
  readonly email_verify_time: Date | null;
  readonly disable_time: Date | null;
  readonly last_login_time: Date | null;
  readonly create_time: Date;
  readonly totp_enabled: boolean;
}

/** Which accounts are listed. */
export interface AccountFilter {
  /** Those that hold this role; "" for any. */
  readonly role: string;
  /** Those whose address begins like this. */
  readonly email: string;
  /** Those older than the one with this id. */
  readonly before: string | undefined;
  /** How many at most. */
  readonly limit: number;
}

/** Accounts, newest first. */
export function listAccounts(
  { sql: query }: Pick<AuthTransaction, "sql">,
  { role, email, before, limit }: AccountFilter,
): Promise<AccountAccess[]> {
  return selectAccounts(query)
    .modifyFront(plannedEachTime)
    .$if(role !== "", (it) => it.where(holds(role)))
    .$if(email !== "", (it) => it.where("email", "like", `${escapeLike(email.toLowerCase())}%`))
    .$if(before !== undefined, (it) => it.where("id", "<", before as string))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}

/**
 * One account.
 *
 * @throws SoukError ACCOUNT_NOT_FOUND
 */
export async function getAccount(
  { sql: query }: Pick<AuthTransaction, "sql">,
  id: string,
): Promise<AccountAccess> {
  const account = await selectAccounts(query).where("id", "=", id).executeTakeFirst();
  if (account === undefined) throw accountNotFound();
  return account;
}

/**
 * Creates an account for somebody. Its address counts as confirmed: whoever asks vouches for it.
 *
 * @param by who asks; must hold every permission of the roles
 * @throws SoukError EMAIL_TAKEN, PASSWORD_TOO_WEAK, ROLE_NOT_FOUND or SCOPE_NOT_HELD
 */
export async function createAccountFor(
  db: AuthDatabase,
  scope: Scope,
  by: Principal,
  wanted: Registration & { readonly roles: readonly string[] },
): Promise<AccountAccess> {
  requireStrongPassword("password", wanted.password, wanted.email);
  const password_hash = await hashPassword(scope, wanted.password);
  return db.write(scope, async (tx) => {
    await inTurn(tx);
    for (const role of wanted.roles) await findRole(tx, role);
    await requireHeld(tx, by, await permissionsOfRoles(tx, wanted.roles));
    const { id } = await createAccount(tx, { ...wanted, password_hash, emailVerified: true });
    tx.about(id);
    return getAccount(tx, id);
  });
}

/**
 * Gives an account a role; one that it holds is no error.
 *
 * @param by who asks; must hold every permission of the role
 * @throws SoukError ACCOUNT_NOT_FOUND, ROLE_NOT_FOUND or SCOPE_NOT_HELD
 */
export function grantRole(
  db: AuthDatabase,
  scope: Scope,
  by: Principal,
  accountId: string,
  role: string,
): Promise<AccountAccess> {
  return changeRoles(db, scope, by, accountId, role, async (tx, account) => {
    if (!account.roles.includes(role)) await setAccess(tx, account, { roles: [...account.roles, role] });
  });
}

/**
 * Takes a role from an account; one that it does not hold is no error.
 *
 * @param by who asks; must hold every permission of the role
 * @throws SoukError ACCOUNT_NOT_FOUND, ROLE_NOT_FOUND, SCOPE_NOT_HELD or LAST_ADMINISTRATOR
 */
export function revokeRole(
  db: AuthDatabase,
  scope: Scope,
  by: Principal,
  accountId: string,
  role: string,
): Promise<AccountAccess> {
  return changeRoles(db, scope, by, accountId, role, async (tx, account) => {
    if (!account.roles.includes(role)) return;
    if (role === ADMIN) await requireAnotherAdministrator(tx, account);
    await setAccess(tx, account, { roles: account.roles.filter((it) => it !== role) });
  });
}

function changeRoles(
  db: AuthDatabase,
  scope: Scope,
  by: Principal,
  accountId: string,
  role: string,
  change: (tx: AuthTransaction, account: StoredAccount) => Promise<void>,
): Promise<AccountAccess> {
  return db.write(scope, async (tx) => {
    await inTurn(tx);
    const account = await lockAccount(tx, accountId);
    const { permissions } = await findRole(tx, role);
    await requireHeld(tx, by, permissions);
    await change(tx, account);
    return getAccount(tx, accountId);
  });
}

/**
 * Refuses an account every sign-in, and ends its sessions and API keys.
 *
 * @param by who asks; must hold every permission of the account's roles
 * @throws SoukError ACCOUNT_NOT_FOUND, SCOPE_NOT_HELD or LAST_ADMINISTRATOR
 */
export function disableAccount(
  db: AuthDatabase,
  scope: Scope,
  by: Principal,
  accountId: string,
  reason: string,
): Promise<AccountAccess> {
  return db.write(scope, async (tx) => {
    await inTurn(tx);
    const account = await lockAccount(tx, accountId);
    await requireHeld(tx, by, await permissionsOfRoles(tx, account.roles));
    if (account.disable_time === null) {
      if (account.roles.includes(ADMIN)) await requireAnotherAdministrator(tx, account);
      await setAccess(tx, account, { disable_time: new Date(), disable_reason: reason });
      await endSessions(tx, accountId);
      await revokeApiKeys(tx, accountId);
    }
    return getAccount(tx, accountId);
  });
}

/**
 * Allows a disabled account to sign in again.
 *
 * @param by who asks; must hold every permission of the account's roles
 * @throws SoukError ACCOUNT_NOT_FOUND or SCOPE_NOT_HELD
 */
export function enableAccount(
  db: AuthDatabase,
  scope: Scope,
  by: Principal,
  accountId: string,
): Promise<AccountAccess> {
  return db.write(scope, async (tx) => {
    await inTurn(tx);
    const account = await lockAccount(tx, accountId);
    await requireHeld(tx, by, await permissionsOfRoles(tx, account.roles));
    if (account.disable_time !== null) {
      await setAccess(tx, account, { disable_time: null, disable_reason: null });
    }
    return getAccount(tx, accountId);
  });
}

/** What of an account decides about access. */
interface AccessChange {
  readonly roles?: string[];
  readonly disable_time?: Date | null;
  readonly disable_reason?: string | null;
}

async function setAccess(tx: AuthTransaction, account: StoredAccount, change: AccessChange): Promise<void> {
  await tx.sql
    .updateTable("account")
    .set({ ...change, access_change_time: sql<Date>`now()` })
    .where("id", "=", account.id)
    .execute();
  const { roles, disable_time } = { ...account, ...change };
  tx.emit(AccountRolesChangedSchema, { accountId: account.id, roles, disabled: disable_time !== null });
}

async function requireAnotherAdministrator(tx: AuthTransaction, { id }: StoredAccount): Promise<void> {
  const another = await tx.sql
    .selectFrom("account")
    .select("id")
    .where(holds(ADMIN))
    .where("id", "!=", id)
    .where("disable_time", "is", null)
    .limit(1)
    .executeTakeFirst();
  if (another === undefined) {
    throw refuse(
      ErrorReason.LAST_ADMINISTRATOR,
      `nobody else holds the role ${ADMIN}; grant it to somebody first`,
    );
  }
}

function selectAccounts(query: AuthTransaction["sql"]) {
  return query
    .selectFrom("account")
    .where("delete_time", "is", null)
    .select([
      "id",
      "email",
      "roles",
      "email_verify_time",
      "disable_time",
      "last_login_time",
      "create_time",
      sql<boolean>`exists (
        select from second_factor where account_id = account.id and confirm_time is not null)`.as(
        "totp_enabled",
      ),
    ]);
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, "\\$&");
}
