import test from "ava";
import { Secret, TOTP, URI } from "otpauth";
import { Code } from "#kit/error.ts";
import { afterFile } from "../after-file.ts";
import { reasonOf, refusal } from "../refusal.ts";
import { type AuthDesk, openDesk, PASSWORD, type Person, prolongDelays } from "./auth-desk.ts";

let desk: AuthDesk;
const file = afterFile(test);

test.before(async () => {
  desk = await openDesk(file);
  await prolongDelays(desk);
});

/** An authenticator that shows the code of this step, or of one before or after. */
const shows = (secret: string, steps = 0) =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + steps * 30_000 });
const totp = (value: string) => ({ factor: { case: "totpCode", value } }) as const;
const recovery = (value: string) => ({ factor: { case: "recoveryCode", value } }) as const;

/** Lets the codes that were used count as not used, as they do a minute later. */
const later = (person: Person) =>
  desk.run("update second_factor set last_step = 0 where account_id = $1", [person.id]);

async function withTotp() {
  const ada = await desk.register();
  const { totpSecret, otpauthUri } = await ada.client.enrollTotp({ password: PASSWORD });
  const { recoveryCodes } = await ada.client.confirmTotp({ totpCode: shows(totpSecret) });
  await later(ada);
  return { ada, totpSecret, otpauthUri, recoveryCodes };
}

async function challengeOf({ email }: Person): Promise<string> {
  const { challenge, tokens, user } = await desk.nobody.login({ email, password: PASSWORD });
  if (tokens !== undefined || user !== undefined) throw new Error("no second factor was asked for");
  return challenge?.challengeToken ?? "";
}

test("an authenticator gets the secret by QR code, and counts once it has shown that it has it", async (t) => {
  const ada = await desk.register();
  t.is(await reasonOf(ada.client.enrollTotp({ password: "not this one" })), "PASSWORD_WRONG");
  t.is(await reasonOf(ada.client.confirmTotp({ totpCode: "123456" })), "TOTP_NOT_ENROLLED");
  const { totpSecret, otpauthUri } = await ada.client.enrollTotp({ password: PASSWORD });
  const read = URI.parse(otpauthUri);
  t.like(read, { issuer: "Souk", label: ada.email });
  t.is(read.secret.base32, totpSecret);

  t.truthy(
    (await desk.nobody.login({ email: ada.email, password: PASSWORD })).tokens,
    "it does not count yet",
  );
  const another = await ada.client.enrollTotp({ password: PASSWORD });
  t.is(await reasonOf(ada.client.confirmTotp({ totpCode: shows(totpSecret) })), "SECOND_FACTOR_INVALID");
  const { recoveryCodes } = await ada.client.confirmTotp({ totpCode: shows(another.totpSecret) });
  t.is(new Set(recoveryCodes).size, 10);
  t.is(await reasonOf(ada.client.enrollTotp({ password: PASSWORD })), "TOTP_ENABLED");
  t.is(await reasonOf(ada.client.confirmTotp({ totpCode: shows(another.totpSecret, 1) })), "TOTP_ENABLED");
  t.like(await ada.client.getSignInMethods({}), {
    hasPassword: true,
    totpEnabled: true,
    recoveryCodesLeft: 10,
  });
  t.true((await desk.operator.getAccount({ id: ada.id })).account?.totpEnabled);
});

test("signing in takes both factors; a challenge and a code serve once, also when used at once", async (t) => {
  const { ada, totpSecret } = await withTotp();
  const challengeToken = await challengeOf(ada);
  const wrong = await refusal(desk.nobody.completeLogin({ challengeToken, ...totp("000000") }));
  t.deepEqual([wrong.code, wrong.reason], [Code.UNAUTHENTICATED, "SECOND_FACTOR_INVALID"]);

  const totpCode = shows(totpSecret);
  const challenges = [challengeToken, await challengeOf(ada), challengeToken];
  const outcomes = await Promise.allSettled(
    challenges.map((it) => desk.nobody.completeLogin({ challengeToken: it, ...totp(totpCode) })),
  );
  const [done, ...others] = outcomes.filter(({ status }) => status === "fulfilled");
  t.is(others.length, 0);
  t.like(done, { value: { user: { id: ada.id } } });
  const spent = desk.nobody.completeLogin({ challengeToken: "made-up", ...totp(shows(totpSecret, 1)) });
  t.is(await reasonOf(spent), "CHALLENGE_INVALID");
});

test("a code of the step before is taken, one of an older step is not", async (t) => {
  const { ada, totpSecret } = await withTotp();
  const tooOld = { challengeToken: await challengeOf(ada), ...totp(shows(totpSecret, -3)) };
  t.is(await reasonOf(desk.nobody.completeLogin(tooOld)), "SECOND_FACTOR_INVALID");
  await t.notThrowsAsync(
    desk.nobody.completeLogin({ challengeToken: await challengeOf(ada), ...totp(shows(totpSecret, 1)) }),
  );
  const before = { challengeToken: await challengeOf(ada), ...totp(shows(totpSecret)) };
  t.is(await reasonOf(desk.nobody.completeLogin(before)), "SECOND_FACTOR_INVALID", "a later one was used");
});

test("a challenge ends", async (t) => {
  const { ada, totpSecret } = await withTotp();
  const challengeToken = await challengeOf(ada);
  await desk.run("update login_challenge set expire_time = now() where account_id = $1", [ada.id]);
  const late = desk.nobody.completeLogin({ challengeToken, ...totp(shows(totpSecret)) });
  t.is(await reasonOf(late), "CHALLENGE_INVALID");
});

test("a recovery code serves once, however it is typed; new ones replace all of them", async (t) => {
  const { ada, totpSecret, recoveryCodes } = await withTotp();
  const [first = "", second = ""] = recoveryCodes;
  const complete = async (code: string) =>
    desk.nobody.completeLogin({ challengeToken: await challengeOf(ada), ...recovery(code) });
  await complete(` ${first.toUpperCase().replaceAll("-", " ")}`);
  t.is(await reasonOf(complete(first)), "SECOND_FACTOR_INVALID");
  t.is((await ada.client.getSignInMethods({})).recoveryCodesLeft, 9);

  const renewed = await ada.client.regenerateRecoveryCodes({ totpCode: shows(totpSecret) });
  t.is(renewed.recoveryCodes.length, 10);
  t.is(await reasonOf(complete(second)), "SECOND_FACTOR_INVALID");
  await t.notThrowsAsync(complete(renewed.recoveryCodes[0] ?? ""));
});

test("one-time passwords are turned off with one of them, or with a recovery code", async (t) => {
  const { ada, recoveryCodes } = await withTotp();
  t.is(await reasonOf(ada.client.disableTotp(totp("000000"))), "SECOND_FACTOR_INVALID");
  await ada.client.disableTotp(recovery(recoveryCodes[0] ?? ""));
  t.truthy((await desk.nobody.login({ email: ada.email, password: PASSWORD })).tokens);
  t.is(await reasonOf(ada.client.disableTotp(recovery(recoveryCodes[1] ?? ""))), "TOTP_NOT_ENROLLED");
  t.like(await ada.client.getSignInMethods({}), { totpEnabled: false, recoveryCodesLeft: 0 });
});

test("guessing at codes is slowed down, with the right one too, and other accounts do not feel it", async (t) => {
  const { ada, totpSecret } = await withTotp();
  const challengeToken = await challengeOf(ada);
  const guess = (value: string) => desk.nobody.completeLogin({ challengeToken, ...totp(value) });
  const reasons: string[] = [];
  for (let n = 0; n < 8; n++) reasons.push(await reasonOf(guess("000000")));
  t.deepEqual(new Set(reasons.slice(0, 5)), new Set(["SECOND_FACTOR_INVALID"]));
  t.is(reasons.at(-1), "TOO_MANY_ATTEMPTS");
  t.is(await reasonOf(guess(shows(totpSecret))), "TOO_MANY_ATTEMPTS");
  const other = await withTotp();
  const complete = { challengeToken: await challengeOf(other.ada), ...totp(shows(other.totpSecret)) };
  await t.notThrowsAsync(desk.nobody.completeLogin(complete));
});

test("the database holds neither secrets nor codes that anybody could use", async (t) => {
  const { totpSecret, recoveryCodes } = await withTotp();
  const bytes = Buffer.from(Secret.fromBase32(totpSecret).bytes);
  for (const { secret } of await desk.run("select secret from second_factor")) {
    t.false((secret as Buffer).includes(bytes));
  }
  const plain = Buffer.from((recoveryCodes[0] ?? "").replaceAll("-", ""));
  for (const { code_hash } of await desk.run("select code_hash from recovery_code")) {
    t.false((code_hash as Buffer).includes(plain));
  }
});
