import assert from "node:assert/strict";
import test from "ava";
import { AuditResult } from "#gen/souk/auth/v1/audit_pb.ts";
import { UserService } from "#gen/souk/user/v1/user_pb.ts";
import { Code } from "#kit/error.ts";
import { gateway } from "../../services/gateway/program.ts";
import { user } from "../../services/user/service.ts";
import { afterFile } from "../after-file.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh, testClient } from "../mesh.ts";
import { reasonOf, refusal } from "../refusal.ts";
import { type AuthDesk, openDesk, PASSWORD, type Person } from "./auth-desk.ts";

let desk: AuthDesk;
const file = afterFile(test);

test.before(async () => {
  desk = await openDesk(file, { programs: [user, gateway] });
});

/** What another service answers to an access token. */
const addressesOf = ({ accessToken }: Person) =>
  desk.mesh.withToken(UserService, accessToken).listMyAddresses({});

async function untilRefused(person: Person): Promise<void> {
  await eventually(async () => assert.equal((await refusal(addressesOf(person))).reason, "TOKEN_INVALID"));
}

test("everybody sees their own sessions, and which of them asks", async (t) => {
  const ada = await desk.register();
  const elsewhere = await desk.login(ada);
  await desk.register();
  await desk.nobody.refresh({ refreshToken: ada.refreshToken });
  const { sessions } = await ada.client.listSessions({});
  t.deepEqual(
    sessions.map(({ current }) => current),
    [true, false],
    "the one used last comes first",
  );
  const there = await elsewhere.client.listSessions({});
  t.deepEqual(
    there.sessions.map(({ id, current }) => ({ id, current })),
    sessions.map(({ id, current }) => ({ id, current: !current })),
  );
});

test("a session shows from where and with what it was used last", async (t) => {
  const ada = await desk.register();
  const answer = await fetch(
    `http://127.0.0.1:${desk.mesh.port("gateway", "http")}/souk.auth.v1.AuthService/Login`,
    {
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": "Lynx/2.9 café" },
      body: JSON.stringify({ email: ada.email, password: PASSWORD }),
    },
  );
  t.is(answer.status, 200);
  const { sessions } = await ada.client.listSessions({});
  t.like(sessions[0], { ipAddress: "127.0.0.1", userAgent: "Lynx/2.9 caf", current: false });
});

test("a session that a refusal ended is recorded as that", async (t) => {
  const ada = await desk.register();
  await desk.nobody.refresh({ refreshToken: ada.refreshToken });
  await desk.nobody.refresh({ refreshToken: ada.refreshToken }).catch(() => {});
  const told = await eventually(async () => {
    const { records } = await desk.operator.listAuditRecords({ objectId: ada.id });
    assert.equal(records.length, 3);
    return records.map(({ method, result, reason }) => `${method.split("/")[1]} ${result} ${reason}`);
  });
  t.deepEqual(told.sort(), [
    `Refresh ${AuditResult.SUCCEEDED} `,
    `Refresh ${AuditResult.DENIED} REFRESH_TOKEN_REUSED`,
    `Register ${AuditResult.SUCCEEDED} `,
  ]);
});

test("a session that is revoked ends everywhere, its access token too; the others go on", async (t) => {
  const ada = await desk.register();
  const elsewhere = await desk.login(ada);
  await addressesOf(elsewhere);
  const { sessions } = await ada.client.listSessions({});
  const id = sessions.find(({ current }) => !current)?.id ?? "";
  await ada.client.revokeSession({ id });
  await ada.client.revokeSession({ id });
  t.is(
    await reasonOf(desk.nobody.refresh({ refreshToken: elsewhere.refreshToken })),
    "REFRESH_TOKEN_INVALID",
  );
  await untilRefused(elsewhere);
  await t.notThrowsAsync(addressesOf(ada));
  t.is((await ada.client.listSessions({})).sessions.length, 1);
});

test("sessions that are over are listed apart, the one that began last first, to whose they were", async (t) => {
  const ada = await desk.register();
  const began: string[] = [];
  for (let count = 0; count < 3; count++) {
    const elsewhere = await desk.login(ada);
    const { sessions } = await elsewhere.client.listSessions({});
    began.unshift(sessions.find(({ current }) => current)?.id ?? "");
    await desk.nobody.logout({ refreshToken: elsewhere.refreshToken });
  }
  const pages: string[] = [];
  for (let pageToken = ""; ; ) {
    const page = await ada.client.listEndedSessions({ pageSize: 2, pageToken });
    t.true(page.sessions.every(({ endTime, current }) => endTime !== undefined && !current));
    pages.push(...page.sessions.map(({ id }) => id));
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  t.deepEqual(pages, began);
  const { sessions } = await ada.client.listSessions({});
  t.deepEqual(
    sessions.map(({ current, endTime }) => [current, endTime]),
    [[true, undefined]],
  );
  const eve = await desk.register();
  t.deepEqual((await eve.client.listEndedSessions({})).sessions, []);
});

test("somebody else's session is not there", async (t) => {
  const ada = await desk.register();
  const eve = await desk.register();
  const [session] = (await ada.client.listSessions({})).sessions;
  const error = await refusal(eve.client.revokeSession({ id: session?.id ?? "" }));
  t.deepEqual([error.code, error.reason], [Code.NOT_FOUND, "SESSION_NOT_FOUND"]);
  await t.notThrowsAsync(desk.nobody.refresh({ refreshToken: ada.refreshToken }));
});

test("signing out everywhere ends all sessions, or all others", async (t) => {
  const ada = await desk.register();
  const others = [await desk.login(ada), await desk.login(ada)];
  t.is((await ada.client.logoutEverywhere({ keepCurrent: true })).sessionsEnded, 2);
  for (const other of others) await untilRefused(other);
  await t.notThrowsAsync(addressesOf(ada));
  t.is((await ada.client.logoutEverywhere({})).sessionsEnded, 1);
  await untilRefused(ada);
});

test("signing out, and a refresh token that is used twice, end the access token as well", async (t) => {
  const [ada, bob] = [await desk.register(), await desk.register()];
  await Promise.all([addressesOf(ada), addressesOf(bob)]);
  await desk.nobody.logout({ refreshToken: ada.refreshToken });
  await untilRefused(ada);
  await desk.nobody.refresh({ refreshToken: bob.refreshToken });
  t.is(await reasonOf(desk.nobody.refresh({ refreshToken: bob.refreshToken })), "REFRESH_TOKEN_REUSED");
  await untilRefused(bob);
});

test("while auth is away, those who are signed in go on", async (t) => {
  const own = await openDesk(t);
  const ada = await own.register();
  const env = { ...own.mesh.env, SOUK_DATA_PLANE: "direct", USER_PORT: "0" };
  const users = await startTestMesh(t, [user], {
    env: { ...env, SOUK_MESH_DIRECTORY: `auth=127.0.0.1:${own.mesh.port("auth")}` },
  });
  const addresses = testClient(
    t,
    `127.0.0.1:${users.port("user")}`,
    UserService,
    { accessToken: ada.accessToken },
    env,
  );
  await addresses.listMyAddresses({});
  await own.mesh.stop();
  // Longer than it takes a process to ask again, and to be told that nobody is there.
  for (let n = 0; n < 20; n++) await t.notThrowsAsync(addresses.listMyAddresses({}));
});
