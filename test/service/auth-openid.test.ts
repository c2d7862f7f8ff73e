import test from "ava";
import { Secret, TOTP } from "otpauth";
import { uuidv7 } from "uuidv7";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { OpenIdService } from "#gen/souk/auth/v1/openid_pb.ts";
import { Code } from "#kit/error.ts";
import { afterFile } from "../after-file.ts";
import { reasonOf, refusal } from "../refusal.ts";
import { type AuthDesk, openDesk, PASSWORD, type Person } from "./auth-desk.ts";
import { CALLBACK, startProvider, type TestProvider, type Told } from "./auth-openid-provider.ts";

let provider: TestProvider;
let desk: AuthDesk;
const file = afterFile(test);
const settings = (of: TestProvider) => ({
  AUTH_OPENID_PROVIDERS: of.setting,
  AUTH_OPENID_REDIRECT_URIS: `https://other.example/, ${CALLBACK}`,
});

test.before(async () => {
  provider = await startProvider(file);
  desk = await openDesk(file, { env: settings(provider), mail: true });
});

const openId = () => desk.mesh.withToken(OpenIdService, "");
const openIdAs = ({ accessToken }: Person) => desk.mesh.withToken(OpenIdService, accessToken);

/** Somebody whom the provider knows. */
function somebody(told: Told = {}): { subject: string; email: string } {
  const subject = uuidv7();
  const email = told.email ?? `${subject}@example.com`;
  provider.knows(subject, { email, email_verified: true, given_name: "Ada", family_name: "L", ...told });
  return { subject, email };
}

async function comeBack(subject: string, providerId = "trusted") {
  const { authorizationUri, state } = await openId().startOpenIdLogin({ providerId, redirectUri: CALLBACK });
  const back = await provider.browse(authorizationUri, subject);
  if (back.state !== state) throw new Error("the provider sent another state back");
  return back;
}

const signIn = async (subject: string, providerId?: string) =>
  openId().completeOpenIdLogin(await comeBack(subject, providerId));

async function link(person: Person, subject: string, providerId = "trusted") {
  const client = openIdAs(person);
  const { authorizationUri } = await client.startOpenIdLink({ providerId, redirectUri: CALLBACK });
  return client.completeOpenIdLink(await provider.browse(authorizationUri, subject));
}

async function verified(): Promise<Person> {
  const ada = await desk.register();
  await desk.nobody.verifyEmail({ token: await desk.mailedToken(ada.email, /^Confirm/) });
  return ada;
}

test("the providers of the settings are listed, without their secrets", async (t) => {
  const { providers } = await openId().listOpenIdProviders({});
  t.deepEqual(
    providers.map(({ id, displayName }) => ({ id, displayName })),
    [
      { id: "trusted", displayName: "The trusted one" },
      { id: "loose", displayName: "The loose one" },
    ],
  );
});

test("who comes from a provider for the first time gets an account, and finds it again", async (t) => {
  const { subject, email } = somebody();
  const first = await signIn(subject);
  t.like(first, { accountCreated: true, user: { email, emailVerified: true, roles: ["customer"] } });
  t.truthy(first.tokens?.accessToken);
  const second = await signIn(subject);
  t.like(second, { accountCreated: false, user: { id: first.user?.id } });
  t.is(await reasonOf(desk.nobody.login({ email, password: "open, sesame" })), "CREDENTIALS_INVALID");
});

test("an address that the provider does not vouch for stays unconfirmed", async (t) => {
  const unsure = somebody({ email_verified: false });
  t.false((await signIn(unsure.subject)).user?.emailVerified);
  t.false((await signIn(somebody().subject, "loose")).user?.emailVerified);
  const silent = uuidv7();
  provider.knows(silent, {});
  t.is(await reasonOf(signIn(silent)), "OPENID_SIGN_IN_REFUSED");
});

test("an identity is linked by itself only to a confirmed address, on the word of a trusted provider", async (t) => {
  const ada = await verified();
  const linked = await signIn(somebody({ email: ada.email }).subject);
  t.like(linked, { accountCreated: false, user: { id: ada.id } });

  const bob = await verified();
  const unsure = somebody({ email: bob.email, email_verified: false });
  t.is(await reasonOf(signIn(unsure.subject)), "IDENTITY_TAKEN", "the provider is not sure");
  t.is(
    await reasonOf(signIn(somebody({ email: bob.email }).subject, "loose")),
    "IDENTITY_TAKEN",
    "the provider is not trusted",
  );
  const eve = await desk.register();
  t.is(
    await reasonOf(signIn(somebody({ email: eve.email }).subject)),
    "IDENTITY_TAKEN",
    "anybody may have registered this address beforehand",
  );
  t.deepEqual((await eve.client.getSignInMethods({})).identities, []);
});

test("a state serves once, and only for who began", async (t) => {
  const { subject } = somebody();
  const back = await comeBack(subject);
  const outcomes = await Promise.allSettled([1, 2, 3].map(() => openId().completeOpenIdLogin(back)));
  t.is(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
  t.is(await reasonOf(openId().completeOpenIdLogin({ ...back, state: "made-up" })), "OPENID_STATE_INVALID");

  const [ada, eve] = await Promise.all([desk.register(), desk.register()]);
  const started = await openIdAs(ada).startOpenIdLink({ providerId: "trusted", redirectUri: CALLBACK });
  const forAda = await provider.browse(started.authorizationUri, somebody().subject);
  t.is(await reasonOf(openIdAs(eve).completeOpenIdLink(forAda)), "OPENID_STATE_INVALID");
  t.is(await reasonOf(openId().completeOpenIdLogin(forAda)), "OPENID_STATE_INVALID");
  await t.notThrowsAsync(openIdAs(ada).completeOpenIdLink(forAda));

  const late = await comeBack(subject);
  const ofState = "state_hash = sha256(convert_to($1, 'UTF8'))";
  await desk.run(`update openid_flow set expire_time = now() where ${ofState}`, [late.state]);
  t.is(await reasonOf(openId().completeOpenIdLogin(late)), "OPENID_STATE_INVALID");
});

test("what the provider did not say, or said to another, signs nobody in", async (t) => {
  const own = await openDesk(t, { env: settings(provider) });
  const client = own.mesh.withToken(OpenIdService, "");
  const { subject } = somebody();
  const begin = async () => {
    const start = await client.startOpenIdLogin({ providerId: "trusted", redirectUri: CALLBACK });
    return provider.browse(start.authorizationUri, subject);
  };
  const tampered: Readonly<Record<string, () => Promise<unknown>>> = {
    "another code": async () => client.completeOpenIdLogin({ ...(await begin()), code: "made-up" }),
    "another issuer": async () =>
      client.completeOpenIdLogin({ ...(await begin()), issuer: "https://evil.example" }),
    "no issuer": async () => client.completeOpenIdLogin({ ...(await begin()), issuer: "" }),
    "another code verifier": async () => {
      const back = await begin();
      await own.run("update openid_flow set code_verifier = repeat('x', 43)");
      return client.completeOpenIdLogin(back);
    },
    "another nonce": async () => {
      const back = await begin();
      await own.run("update openid_flow set nonce = 'another'");
      return client.completeOpenIdLogin(back);
    },
    "a code for another client": async () => {
      const back = await begin();
      await own.run("update openid_flow set provider_id = 'loose'");
      return client.completeOpenIdLogin(back);
    },
  };
  for (const [what, complete] of Object.entries(tampered)) {
    const error = await refusal(complete());
    t.deepEqual([error.code, error.reason], [Code.UNAUTHENTICATED, "OPENID_SIGN_IN_REFUSED"], what);
  }
  t.is((await own.operator.listAccounts({})).accounts.length, 0);
});

test("nobody is sent to where the shop does not expect them", async (t) => {
  for (const redirectUri of ["https://evil.example/", `${CALLBACK}/more`, `${CALLBACK}?x=1`]) {
    const start = openId().startOpenIdLogin({ providerId: "trusted", redirectUri });
    t.is(await reasonOf(start), "REDIRECT_URI_REFUSED", redirectUri);
  }
  const unknown = openId().startOpenIdLogin({ providerId: "unknown", redirectUri: CALLBACK });
  t.is(await reasonOf(unknown), "OPENID_PROVIDER_NOT_FOUND");
});

test("an identity is linked and unlinked by who is signed in; it belongs to one account", async (t) => {
  const [ada, eve] = await Promise.all([desk.register(), desk.register()]);
  const { subject } = somebody();
  const { identity } = await link(ada, subject, "loose");
  t.is((await link(ada, subject, "loose")).identity?.id, identity?.id);
  t.is((await signIn(subject, "loose")).user?.id, ada.id);
  t.is(await reasonOf(link(eve, subject, "loose")), "IDENTITY_TAKEN");

  const id = identity?.id ?? "";
  await openIdAs(eve).unlinkIdentity({ id });
  t.is((await ada.client.getSignInMethods({})).identities.length, 1);
  await openIdAs(ada).unlinkIdentity({ id });
  await openIdAs(ada).unlinkIdentity({ id });
  t.deepEqual((await ada.client.getSignInMethods({})).identities, []);
  await t.notThrowsAsync(link(eve, subject, "loose"));
});

test("the last way to sign in stays until there is a password", async (t) => {
  const { subject } = somebody();
  const { tokens, user } = await signIn(subject);
  const accessToken = tokens?.accessToken ?? "";
  const client = desk.mesh.withToken(OpenIdService, accessToken);
  const own = await desk.run("select id from linked_identity where account_id = $1", [user?.id]);
  const id = String(own[0]?.["id"]);
  t.is(await reasonOf(client.unlinkIdentity({ id })), "LAST_SIGN_IN_METHOD");
  await desk.mesh
    .withToken(AuthService, accessToken)
    .changePassword({ currentPassword: "", newPassword: PASSWORD });
  await client.unlinkIdentity({ id });
  await t.notThrowsAsync(desk.nobody.login({ email: user?.email ?? "", password: PASSWORD }));
});

test("the second factor of an account is asked for whoever vouches for the first", async (t) => {
  const ada = await desk.register();
  const { subject } = somebody();
  await link(ada, subject);
  const { totpSecret } = await ada.client.enrollTotp({ password: PASSWORD });
  const totp = new TOTP({ secret: Secret.fromBase32(totpSecret) });
  await ada.client.confirmTotp({ totpCode: totp.generate() });
  const { tokens, challenge } = await signIn(subject);
  t.is(tokens, undefined);
  const totpCode = totp.generate({ timestamp: Date.now() + 30_000 });
  const done = await desk.nobody.completeLogin({
    challengeToken: challenge?.challengeToken ?? "",
    factor: { case: "totpCode", value: totpCode },
  });
  t.is(done.user?.id, ada.id);
});

test("a disabled account is not signed in to by a provider either", async (t) => {
  const { subject } = somebody();
  const { user } = await signIn(subject);
  await desk.operator.disableAccount({ id: user?.id ?? "", reason: "spam" });
  t.is(await reasonOf(signIn(subject)), "ACCOUNT_DISABLED");
});

test("a provider that is away is told as such", async (t) => {
  const away = await startProvider(t);
  const own = await openDesk(t, { env: settings(away) });
  const client = own.mesh.withToken(OpenIdService, "");
  const start = () => client.startOpenIdLogin({ providerId: "trusted", redirectUri: CALLBACK });
  const { authorizationUri } = await start();
  away.knows("ada", { email: "ada@example.com" });
  const back = await away.browse(authorizationUri, "ada");
  await away.stop();
  const error = await refusal(client.completeOpenIdLogin(back));
  t.deepEqual([error.code, error.reason], [Code.UNAVAILABLE, "OPENID_PROVIDER_UNAVAILABLE"]);
  const never = await openDesk(t, { env: settings(away) });
  const begin = never.mesh
    .withToken(OpenIdService, "")
    .startOpenIdLogin({ providerId: "trusted", redirectUri: CALLBACK });
  t.is(await reasonOf(begin), "OPENID_PROVIDER_UNAVAILABLE");
});
