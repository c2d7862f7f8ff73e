import test from "ava";
import { afterFile } from "../after-file.ts";
import { reasonOf } from "../refusal.ts";
import { type AuthDesk, openDesk, prolongDelays } from "./auth-desk.ts";

const SUBJECT = /^Confirm your e-mail address/;

let desk: AuthDesk;
const file = afterFile(test);

test.before(async () => {
  desk = await openDesk(file, { mail: true });
  await prolongDelays(desk);
});

test("who registers is mailed a token that confirms the address, once", async (t) => {
  const ada = await desk.register();
  const token = await desk.mailedToken(ada.email, SUBJECT);
  t.false((await desk.operator.getAccount({ id: ada.id })).account?.emailVerified);

  const outcomes = await Promise.allSettled([1, 2, 3].map(() => desk.nobody.verifyEmail({ token })));
  t.is(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
  t.is(await reasonOf(desk.nobody.verifyEmail({ token })), "MAILED_TOKEN_INVALID");
  t.true((await desk.operator.getAccount({ id: ada.id })).account?.emailVerified);
  t.true(
    (await desk.nobody.login({ email: ada.email, password: "correct horse battery" })).user?.emailVerified,
  );
});

test("a mailed token that is too old, or none, confirms nothing", async (t) => {
  const ada = await desk.register();
  const token = await desk.mailedToken(ada.email, SUBJECT);
  await desk.run("update mailed_token set expire_time = now() where account_id = $1", [ada.id]);
  t.is(await reasonOf(desk.nobody.verifyEmail({ token })), "MAILED_TOKEN_INVALID");
  t.is(await reasonOf(desk.nobody.verifyEmail({ token: "made-up" })), "MAILED_TOKEN_INVALID");
  t.is(
    await reasonOf(desk.nobody.resetPassword({ token, newPassword: "quite another one" })),
    "MAILED_TOKEN_INVALID",
  );
});

test("a token that is asked for anew takes the place of the one before", async (t) => {
  const ada = await desk.register();
  const first = await desk.mailedToken(ada.email, SUBJECT);
  await ada.client.sendVerificationEmail({});
  t.is(await reasonOf(desk.nobody.verifyEmail({ token: first })), "MAILED_TOKEN_INVALID");
  const second = await eventuallyAnother(ada.email, first);
  t.is((await desk.nobody.verifyEmail({ token: second })).email, ada.email);

  await ada.client.sendVerificationEmail({});
  const [{ count }] = (await desk.run("select count(*)::int from mailed_token where account_id = $1", [
    ada.id,
  ])) as [{ count: number }];
  t.is(count, 0, "an address that is confirmed needs no token");
});

test("nobody can have an address flooded with mails", async (t) => {
  const ada = await desk.register();
  for (let n = 0; n < 4; n++) await ada.client.sendVerificationEmail({});
  t.is(await reasonOf(ada.client.sendVerificationEmail({})), "TOO_MANY_ATTEMPTS");
});

async function eventuallyAnother(email: string, first: string): Promise<string> {
  for (;;) {
    const token = await desk.mailedToken(email, SUBJECT);
    if (token !== first) return token;
  }
}
