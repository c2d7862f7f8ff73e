import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { AccessService, Role } from "#gen/souk/auth/v1/access_pb.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import {
  type AccountAccess,
  createAccountFor,
  disableAccount,
  enableAccount,
  getAccount,
  grantRole,
  listAccounts,
  revokeRole,
} from "../access/accounts.ts";
import { BUILT_IN_ROLES } from "../access/built-in-roles.ts";
import { createRole, deleteRole, type RoleChange, updateRole } from "../access/change-roles.ts";
import { PERMISSIONS } from "../access/permissions.ts";
import { listRoles, type RoleInForce } from "../access/roles.ts";
import { accessSnapshot } from "../access/snapshot.ts";
import type { AuthContext } from "../context.ts";

const DEFAULT_PAGE_SIZE = 20;

/** Serves souk.auth.v1.AccessService. */
export function accessRpc({ db, lifetimes }: AuthContext) {
  const snapshot = accessSnapshot(db, lifetimes.accessMs);
  return {
    listPermissions: async () => ({
      permissions: PERMISSIONS.map(({ name, methods }) => ({ name, methods: [...methods] })),
    }),

    listRoles: async () => ({ roles: (await listRoles(db)).map(toRole) }),

    async createRole({ role }, call) {
      const { name, displayName: display_name, description, permissions } = role as Role;
      const wanted = { name, display_name, description, permissions };
      return { role: toRole(await createRole(db, call, call.principal, wanted)) };
    },

    async updateRole({ role, updateMask }, call) {
      const { name, etag } = role as Role;
      const change: RoleChange = {};
      for (const path of updateMask?.paths ?? []) Object.assign(change, CHANGES[path]?.(role as Role));
      return { role: toRole(await updateRole(db, call, call.principal, name, change, toVersion(etag))) };
    },

    async deleteRole({ name }, call) {
      await deleteRole(db, call, call.principal, name);
      return {};
    },

    grantRole: async ({ accountId, role }, call) => ({
      account: toAccountAccess(await grantRole(db, call, call.principal, accountId, role)),
    }),

    revokeRole: async ({ accountId, role }, call) => ({
      account: toAccountAccess(await revokeRole(db, call, call.principal, accountId, role)),
    }),

    createAccount: async (request, call) => ({
      account: toAccountAccess(await createAccountFor(db, call, call.principal, request)),
    }),

    async listAccounts({ role, email, pageSize, pageToken }, call) {
      const size = pageSize || DEFAULT_PAGE_SIZE;
      const list = `${call.method} ${role} ${email}`;
      const [before] = decodePageToken(list, pageToken, [UUID]);
      // One more than asked for shows whether there is a next page.
      const found = await listAccounts(db, { role, email, before, limit: size + 1 });
      const page = found.slice(0, size);
      const last = page.at(-1);
      return {
        accounts: page.map(toAccountAccess),
        nextPageToken: found.length > size && last !== undefined ? encodePageToken(list, [last.id]) : "",
      };
    },

    getAccount: async ({ id }) => ({ account: toAccountAccess(await getAccount(db, id)) }),

    disableAccount: async ({ id, reason }, call) => ({
      account: toAccountAccess(await disableAccount(db, call, call.principal, id, reason)),
    }),

    enableAccount: async ({ id }, call) => ({
      account: toAccountAccess(await enableAccount(db, call, call.principal, id)),
    }),

    async getAccessSnapshot() {
      const { roles, changed, ended } = await snapshot();
      return {
        roles: roles.map(({ name, permissions }) => ({ role: name, permissions: [...permissions] })),
        changedAccounts: changed.map(({ id, roles, disabled }) => ({ accountId: id, roles, disabled })),
        endedSessionIds: [...ended],
      };
    },
  } satisfies Partial<Implementation<typeof AccessService>>;
}

/** What an update mask may name, and the change that it stands for. */
const CHANGES: Readonly<Record<string, (role: Role) => RoleChange>> = {
  display_name: ({ displayName }) => ({ display_name: displayName }),
  description: ({ description }) => ({ description }),
  permissions: ({ permissions }) => ({ permissions }),
};

function toVersion(etag: string): number | undefined {
  if (etag === "") return undefined;
  if (/^[0-9]{1,9}$/.test(etag)) return Number(etag);
  const description = "is not an etag that this service gave";
  throw refuseMesh(MeshReason.INVALID_REQUEST, `role.etag: ${description}`, {
    violations: [{ field: "role.etag", description }],
  });
}

function toRole({ name, display_name, description, permissions, version }: RoleInForce) {
  return {
    name,
    displayName: display_name,
    description,
    permissions: [...permissions],
    builtIn: BUILT_IN_ROLES.has(name),
    etag: String(version),
  };
}

function toAccountAccess(account: AccountAccess) {
  return {
    id: account.id,
    email: account.email,
    emailVerified: account.email_verify_time !== null,
    roles: account.roles,
    disabled: account.disable_time !== null,
    totpEnabled: account.totp_enabled,
    createTime: timestampFromDate(account.create_time),
    ...(account.last_login_time !== null && { lastLoginTime: timestampFromDate(account.last_login_time) }),
  };
}
