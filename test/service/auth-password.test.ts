import assert from "node:assert/strict";
import test from "ava";
import { ApiKeyService } from "#gen/souk/auth/v1/api_key_pb.ts";
import { afterFile } from "../after-file.ts";
import { eventually } from "../eventually.ts";
import { reasonOf } from "../refusal.ts";
import { type AuthDesk, openDesk, PASSWORD } from "./auth-desk.ts";

const SUBJECT = /^A new password/;
const ANOTHER = "wrong donkey accumulator";

let desk: AuthDesk;
const file = afterFile(test);

test.before(async () => {
  desk = await openDesk(file, { mail: true });
});

test("a password is changed by who knows it; every other session ends and the owner is told", async (t) => {
  const ada = await desk.register();
  const elsewhere = await desk.login(ada);
  const change = (currentPassword: string, newPassword = ANOTHER) =>
    ada.client.changePassword({ currentPassword, newPassword });
  t.is(await reasonOf(change("not this one")), "PASSWORD_WRONG");
  t.is(await reasonOf(change("")), "PASSWORD_WRONG");
  await t.notThrowsAsync(desk.login(ada), "a refusal changes nothing");

  await change(PASSWORD);
  t.is(await reasonOf(desk.login(ada)), "CREDENTIALS_INVALID");
  await t.notThrowsAsync(desk.login(ada, ANOTHER));
  t.is(
    await reasonOf(desk.nobody.refresh({ refreshToken: elsewhere.refreshToken })),
    "REFRESH_TOKEN_INVALID",
  );
  await t.notThrowsAsync(desk.nobody.refresh({ refreshToken: ada.refreshToken }));
  await eventually(async () => {
    const mails = await desk.mailsTo(ada.email);
    assert(mails.some(({ subject }) => /^Your password .* was changed/.test(subject)));
  });
});

for (const [what, weak] of [
  ["a common password", "Password123"],
  ["a row", "1234567890"],
  ["a row down the alphabet", "zyxwvutsrq"],
  ["a repetition", "abcabcabcabc"],
] as const) {
  test(`${what} is refused, wherever one is set`, async (t) => {
    const ada = await desk.register();
    const email = `weak-${ada.email}`;
    const register = desk.nobody.register({ email, password: weak, firstName: "A", lastName: "B" });
    t.is(await reasonOf(register), "PASSWORD_TOO_WEAK");
    const change = ada.client.changePassword({ currentPassword: PASSWORD, newPassword: weak });
    t.is(await reasonOf(change), "PASSWORD_TOO_WEAK");
  });
}

test("one's own address is no password", async (t) => {
  const email = "ada.lovelace@example.com";
  for (const password of [email, "ada.lovelace1"]) {
    const register = desk.nobody.register({ email, password, firstName: "A", lastName: "B" });
    t.is(await reasonOf(register), "PASSWORD_TOO_WEAK", password);
  }
});

test("a mailed token sets a new password once, and ends every session", async (t) => {
  const ada = await desk.register();
  await desk.nobody.requestPasswordReset({ email: ada.email.toUpperCase() });
  const token = await desk.mailedToken(ada.email, SUBJECT);
  t.is(await reasonOf(desk.nobody.resetPassword({ token, newPassword: "1234567890" })), "PASSWORD_TOO_WEAK");
  const outcomes = await Promise.allSettled(
    [1, 2].map(() => desk.nobody.resetPassword({ token, newPassword: ANOTHER })),
  );
  t.is(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
  t.is(await reasonOf(desk.login(ada)), "CREDENTIALS_INVALID");
  t.is(await reasonOf(desk.nobody.refresh({ refreshToken: ada.refreshToken })), "REFRESH_TOKEN_INVALID");
  await t.notThrowsAsync(desk.login(ada, ANOTHER));
});

test("nothing tells whether an address has an account: it is looked up after the answer", async (t) => {
  const own = await openDesk(t, { mail: true });
  const ada = await own.register();
  // With the job held up, what a request leaves behind can be seen.
  await eventually(async () => assert.equal((await own.run(holdUp("1 hour"))).length, 1));
  const emails = [ada.email, `nobody-${ada.email}`];
  const [known, unknown] = await Promise.all(
    emails.map((email) => own.nobody.requestPasswordReset({ email })),
  );
  t.deepEqual(known, unknown);
  const left = await own.run("select email from password_reset_request order by id");
  t.deepEqual(left.map(({ email }) => email).sort(), emails);
  await own.run(holdUp("0"));
  await own.mailedToken(ada.email, SUBJECT);
  t.deepEqual(await own.mailsTo(`nobody-${ada.email}`), []);
});

const holdUp = (how: string) =>
  `update mesh.job set next_start_time = now() + interval '${how}'
   where name = 'send-password-resets' and lease is null returning name`;

test("what a stranger added to an account before its owner proved the address goes with a reset", async (t) => {
  const ada = await desk.staff("warehouse");
  const keys = desk.mesh.withToken(ApiKeyService, ada.accessToken);
  const { apiKey } = await keys.createApiKey({ displayName: "a way back", scopes: ["orders:read"] });
  await desk.nobody.requestPasswordReset({ email: ada.email });
  const token = await desk.mailedToken(ada.email, SUBJECT);
  await desk.nobody.resetPassword({ token, newPassword: ANOTHER });
  t.is(await reasonOf(desk.mesh.withToken(ApiKeyService, "").exchangeApiKey({ apiKey })), "API_KEY_INVALID");
  t.true((await desk.login(ada, ANOTHER)).accessToken !== "");
  t.true(
    (await desk.operator.getAccount({ id: ada.id })).account?.emailVerified,
    "who has the mail owns the address",
  );
});
