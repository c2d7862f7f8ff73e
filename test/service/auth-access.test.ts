import assert from "node:assert/strict";
import test from "ava";
import { AccessService } from "#gen/souk/auth/v1/access_pb.ts";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { Code } from "#kit/error.ts";
import { BUILT_IN_ROLES } from "../../services/auth/access/built-in-roles.ts";
import { inventory } from "../../services/inventory/service.ts";
import { afterFile } from "../after-file.ts";
import { eventually } from "../eventually.ts";
import { reasonOf, refusal } from "../refusal.ts";
import { type AuthDesk, openDesk, PASSWORD, type Person } from "./auth-desk.ts";

let desk: AuthDesk;
const file = afterFile(test);

test.before(async () => {
  desk = await openDesk(file, { programs: [inventory] });
});

const accessAs = ({ accessToken }: Person) => desk.mesh.withToken(AccessService, accessToken);

/** What another service answers to a call that needs a permission; the request itself is refused later. */
const adjust = ({ accessToken }: Person) =>
  reasonOf(desk.mesh.withToken(InventoryService, accessToken).adjustStock({}));

/** Waits until another service lets somebody do what needs "inventory:adjust", or no longer does. */
const untilMayAdjust = (person: Person, may: boolean) =>
  eventually(async () => {
    const reason = await adjust(person);
    assert.equal(reason === "INVALID_REQUEST", may, reason);
  });

test("the permissions are those that methods ask for, each with them", async (t) => {
  const { permissions } = await desk.operator.listPermissions({});
  const adjusting = permissions.find(({ name }) => name === "inventory:adjust");
  t.deepEqual(adjusting?.methods, ["souk.inventory.v1.InventoryService/AdjustStock"]);
  t.true(permissions.some(({ name }) => name === "access:write"));
  t.deepEqual(
    permissions.map(({ name }) => name),
    permissions.map(({ name }) => name).sort(),
  );
});

test("the roles that come with the shop hold permissions that there are, and administrators all of them", async (t) => {
  const [{ permissions }, { roles }] = await Promise.all([
    desk.operator.listPermissions({}),
    desk.operator.listRoles({}),
  ]);
  const known = new Set(permissions.map(({ name }) => name));
  for (const name of [
    "customer",
    "premium",
    "support",
    "catalogue-manager",
    "warehouse",
    "finance",
    "admin",
  ]) {
    const role = roles.find((it) => it.name === name);
    t.true(role?.builtIn, name);
    t.deepEqual(
      role?.permissions.filter((it) => !known.has(it)),
      [],
      name,
    );
  }
  t.deepEqual(new Set(BUILT_IN_ROLES.get("admin")?.permissions), known);
});

test("a granted and a revoked role take effect in other services, without signing in anew", async (t) => {
  const ada = await desk.register();
  t.is(await adjust(ada), "PERMISSION_MISSING");
  const { account } = await desk.operator.grantRole({ accountId: ada.id, role: "warehouse" });
  t.deepEqual(account?.roles, ["customer", "warehouse"]);
  await untilMayAdjust(ada, true);
  await desk.operator.grantRole({ accountId: ada.id, role: "warehouse" });
  await desk.operator.revokeRole({ accountId: ada.id, role: "warehouse" });
  await desk.operator.revokeRole({ accountId: ada.id, role: "warehouse" });
  await untilMayAdjust(ada, false);
});

test("a role is made, changed and removed; its holders feel it", async (t) => {
  const made = await desk.operator.createRole({
    role: { name: "counter", displayName: "Counter", permissions: ["inventory:count"] },
  });
  t.like(made.role, { name: "counter", builtIn: false, permissions: ["inventory:count"] });
  const ada = await desk.staff("counter");
  t.is(await adjust(ada), "PERMISSION_MISSING");

  const { role } = await desk.operator.updateRole({
    role: {
      name: "counter",
      permissions: ["inventory:adjust", "inventory:count"],
      etag: made.role?.etag ?? "",
    },
    updateMask: { paths: ["permissions"] },
  });
  t.is(role?.displayName, "Counter");
  await untilMayAdjust(ada, true);
  const stale = desk.operator.updateRole({
    role: { name: "counter", description: "counts", etag: made.role?.etag ?? "" },
    updateMask: { paths: ["description"] },
  });
  t.is(await reasonOf(stale), "ETAG_MISMATCH");

  t.is(await reasonOf(desk.operator.deleteRole({ name: "counter" })), "ROLE_IN_USE");
  await desk.operator.revokeRole({ accountId: ada.id, role: "counter" });
  await desk.operator.deleteRole({ name: "counter" });
  await desk.operator.deleteRole({ name: "counter" });
  t.is(await reasonOf(desk.operator.grantRole({ accountId: ada.id, role: "counter" })), "ROLE_NOT_FOUND");
});

test("what a role cannot be is refused with the reason", async (t) => {
  const create = (name: string, ...permissions: string[]) =>
    reasonOf(desk.operator.createRole({ role: { name, displayName: name, permissions } }));
  t.is(await create("support", "orders:read"), "ROLE_EXISTS");
  t.is(await create("dreamer", "orders:dream"), "PERMISSION_NOT_FOUND");
  t.is(await create("everything", "*"), "INVALID_REQUEST");
  t.is(await reasonOf(desk.operator.deleteRole({ name: "support" })), "ROLE_BUILT_IN");
  const weaken = desk.operator.updateRole({
    role: { name: "admin", permissions: [] },
    updateMask: { paths: ["permissions"] },
  });
  t.is(await reasonOf(weaken), "ROLE_BUILT_IN");
});

test("a built-in role may be changed, and keeps the change", async (t) => {
  const own = await openDesk(t);
  const change = (permissions: string[]) =>
    own.operator.updateRole({
      role: { name: "finance", permissions },
      updateMask: { paths: ["permissions"] },
    });
  await change(["ledger:read"]);
  const { roles } = await own.operator.listRoles({});
  t.like(
    roles.find(({ name }) => name === "finance"),
    { builtIn: true, permissions: ["ledger:read"], displayName: "Finance" },
  );
});

test("nobody handles more than they hold: who keeps some access cannot climb", async (t) => {
  const keeper = await keeperOfTheWarehouse();
  const [ada, boss] = await Promise.all([desk.register(), desk.staff("admin")]);
  const access = accessAs(keeper);
  await t.notThrowsAsync(access.grantRole({ accountId: ada.id, role: "warehouse" }));

  const climbs = {
    "another a stronger role": access.grantRole({ accountId: ada.id, role: "admin" }),
    "oneself a stronger role": access.grantRole({ accountId: keeper.id, role: "finance" }),
    "a new role more than oneself has": access.createRole({
      role: { name: "ladder", displayName: "Ladder", permissions: ["orders:refund"] },
    }),
    "one's own role more": access.updateRole({
      role: { name: "warehouse", permissions: ["orders:refund"] },
      updateMask: { paths: ["permissions"] },
    }),
    "a stronger role less": access.updateRole({
      role: { name: "finance", permissions: [] },
      updateMask: { paths: ["permissions"] },
    }),
    "an administrator the role away": access.revokeRole({ accountId: boss.id, role: "admin" }),
    "an administrator off": access.disableAccount({ id: boss.id, reason: "a coup" }),
    "a new account a stronger role": access.createAccount({
      email: "puppet@example.com",
      password: PASSWORD,
      firstName: "P",
      lastName: "P",
      roles: ["admin"],
    }),
  };
  for (const [what, climb] of Object.entries(climbs)) {
    const error = await refusal(climb);
    t.deepEqual([error.code, error.reason], [Code.PERMISSION_DENIED, "SCOPE_NOT_HELD"], what);
    t.truthy(error.metadata["permission"], what);
  }
});

test("who lost the right a moment ago hands nothing on, though the token still names the role", async (t) => {
  const own = await openDesk(t, { env: { SOUK_ACCESS_POLL_MS: "3600000" } });
  const [boss, friend] = await Promise.all([own.staff("admin"), own.register()]);
  await own.staff("admin");
  const access = own.mesh.withToken(AccessService, boss.accessToken);
  await access.listRoles({});
  await own.operator.revokeRole({ accountId: boss.id, role: "admin" });
  t.is(await reasonOf(access.grantRole({ accountId: friend.id, role: "admin" })), "PERMISSION_MISSING");
});

test("the last administrator stays, also when two would go at once", async (t) => {
  const own = await openDesk(t);
  const [one, two] = await Promise.all([own.staff("admin"), own.staff("admin")]);
  const outcomes = await Promise.allSettled([
    own.operator.revokeRole({ accountId: one.id, role: "admin" }),
    own.operator.disableAccount({ id: two.id, reason: "left" }),
  ]);
  const refused = outcomes.filter((it) => it.status === "rejected");
  t.deepEqual(
    refused.map(({ reason }) => reason.reason),
    ["LAST_ADMINISTRATOR"],
  );
});

test("a disabled account can do nothing and sign in nowhere, until it is enabled", async (t) => {
  const ada = await desk.staff("warehouse");
  await untilMayAdjust(ada, true);
  const { account } = await desk.operator.disableAccount({ id: ada.id, reason: "lost the keys" });
  t.true(account?.disabled);
  t.is(await reasonOf(desk.login(ada)), "ACCOUNT_DISABLED");
  t.is(await reasonOf(desk.login(ada, "not this one")), "CREDENTIALS_INVALID");
  t.is(await reasonOf(desk.nobody.refresh({ refreshToken: ada.refreshToken })), "REFRESH_TOKEN_INVALID");
  await eventually(async () => assert.equal(await adjust(ada), "TOKEN_INVALID"));

  await desk.operator.enableAccount({ id: ada.id });
  await untilMayAdjust(await desk.login(ada), true);
  t.is(await adjust(ada), "TOKEN_INVALID", "the sessions of before stay ended");
});

test("accounts are listed newest first, by role and by how their address begins, in pages", async (t) => {
  const own = await openDesk(t);
  const people = [await own.register(), await own.staff("support"), await own.register()];
  const first = await own.operator.listAccounts({ pageSize: 2 });
  const second = await own.operator.listAccounts({ pageSize: 2, pageToken: first.nextPageToken });
  t.deepEqual(
    [...first.accounts, ...second.accounts].map(({ id }) => id),
    people.map(({ id }) => id).reverse(),
  );
  t.is(second.nextPageToken, "");
  const { accounts } = await own.operator.listAccounts({ role: "support" });
  t.like(accounts, [{ id: people[1]?.id, roles: ["customer", "support"] }]);
  t.truthy(accounts[0]?.lastLoginTime);
  const email = (people[2]?.email ?? "").slice(0, -1).toUpperCase();
  t.is((await own.operator.listAccounts({ email })).accounts.length, 1);
  t.is((await own.operator.listAccounts({ email: "%" })).accounts.length, 0);
  const foreign = own.operator.listAccounts({ role: "support", pageToken: first.nextPageToken });
  t.is(await reasonOf(foreign), "PAGE_TOKEN_INVALID");
});

test("an account that staff make has its roles from the beginning", async (t) => {
  const wanted = { email: "Grace@Example.com", password: PASSWORD, firstName: "Grace", lastName: "H" };
  const { account } = await desk.operator.createAccount({ ...wanted, roles: ["support"] });
  t.like(account, { email: "grace@example.com", emailVerified: true, roles: ["customer", "support"] });
  t.is(await reasonOf(desk.operator.createAccount(wanted)), "EMAIL_TAKEN");
  const unknown = desk.operator.createAccount({ ...wanted, email: "g2@example.com", roles: ["nobody"] });
  t.is(await reasonOf(unknown), "ROLE_NOT_FOUND");
  t.is((await desk.operator.listAccounts({ email: "g2@" })).accounts.length, 0);
});

/** Somebody who may give and take what the warehouse needs, and nothing else. */
async function keeperOfTheWarehouse(): Promise<Person> {
  await desk.operator.createRole({
    role: { name: "access-keeper", displayName: "Keeper", permissions: ["access:read", "access:write"] },
  });
  const keeper = await desk.staff("access-keeper", "warehouse");
  // A role of one's own making takes effect within moments, not at once.
  await eventually(() => accessAs(keeper).listRoles({}));
  return keeper;
}
