import test from "ava";
import jwt from "jsonwebtoken";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { UserService } from "#gen/souk/user/v1/user_pb.ts";
import { Code, type SoukError } from "#kit/error.ts";
import { auth } from "../../services/auth/service.ts";
import { user } from "../../services/user/service.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh } from "../mesh.ts";
import { refusal } from "../refusal.ts";

const ADA = { email: "Ada@Example.com", password: "correct horse battery", firstName: "Ada", lastName: "L" };

test("registering signs in, and the profile follows", async (t) => {
  const mesh = await startTestMesh(t, [auth, user]);
  const { user: account, tokens } = await mesh.withToken(AuthService, "").register(ADA);
  t.is(account?.email, "ada@example.com");
  t.is(tokens?.expiresIn, 900);

  const users = mesh.withToken(UserService, tokens?.accessToken ?? "");
  const { profile } = await eventually(() => users.getMe({}));
  t.like(profile, { id: account?.id, email: "ada@example.com", firstName: "Ada", lastName: "L" });
});

test("an e-mail address has one account, whatever its case, also when asked for at once", async (t) => {
  const mesh = await startTestMesh(t, [auth]);
  const client = mesh.withToken(AuthService, "");
  const outcomes = await Promise.allSettled(
    ["ada@example.com", "ADA@example.com", "Ada@Example.Com"].map((email) =>
      client.register({ ...ADA, email }),
    ),
  );
  t.is(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") t.is((outcome.reason as SoukError).reason, "EMAIL_TAKEN");
  }
});

test("signing in needs the right password, and does not tell what was wrong", async (t) => {
  const mesh = await startTestMesh(t, [auth]);
  const client = mesh.withToken(AuthService, "");
  await client.register(ADA);
  const { user: account } = await client.login({ email: ADA.email, password: ADA.password });
  t.is(account?.email, "ada@example.com");
  const wrongPassword = await refusal(client.login({ email: ADA.email, password: "wrong" }));
  const wrongEmail = await refusal(client.login({ email: "bob@example.com", password: ADA.password }));
  t.is(wrongPassword.code, Code.UNAUTHENTICATED);
  t.deepEqual([wrongPassword.reason, wrongPassword.message], [wrongEmail.reason, wrongEmail.message]);
});

test("a refresh token serves once; used again, it ends its session and no other", async (t) => {
  const mesh = await startTestMesh(t, [auth]);
  const client = mesh.withToken(AuthService, "");
  const first = (await client.register(ADA)).tokens?.refreshToken ?? "";
  const other = (await client.login(ADA)).tokens?.refreshToken ?? "";
  const second = (await client.refresh({ refreshToken: first })).tokens?.refreshToken ?? "";
  t.not(second, first);

  t.is((await refusal(client.refresh({ refreshToken: first }))).reason, "REFRESH_TOKEN_REUSED");
  t.is((await refusal(client.refresh({ refreshToken: second }))).reason, "REFRESH_TOKEN_INVALID");
  await t.notThrowsAsync(client.refresh({ refreshToken: other }));
});

test("of many who use a refresh token at once, one gets new tokens", async (t) => {
  const mesh = await startTestMesh(t, [auth]);
  const client = mesh.withToken(AuthService, "");
  const refreshToken = (await client.register(ADA)).tokens?.refreshToken ?? "";
  const outcomes = await Promise.allSettled(
    Array.from({ length: 10 }, () => client.refresh({ refreshToken })),
  );
  t.is(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
});

test("signing out ends the session, and may be repeated", async (t) => {
  const mesh = await startTestMesh(t, [auth]);
  const client = mesh.withToken(AuthService, "");
  const refreshToken = (await client.register(ADA)).tokens?.refreshToken ?? "";
  await client.logout({ refreshToken });
  await client.logout({ refreshToken });
  t.is((await refusal(client.refresh({ refreshToken }))).reason, "REFRESH_TOKEN_INVALID");
});

test("a token that is altered, unsigned or signed by others is refused", async (t) => {
  const mesh = await startTestMesh(t, [auth, user]);
  const client = mesh.withToken(AuthService, "");
  const token = (await client.register(ADA)).tokens?.accessToken ?? "";
  const claims = jwt.decode(token) as object;
  const [head, body, signature] = token.split(".");
  const bad = {
    altered: `${head}.${Buffer.from(JSON.stringify({ ...claims, sub: "eve" })).toString("base64url")}.${signature}`,
    unsigned: `${Buffer.from('{"alg":"none","typ":"JWT","kid":"x"}').toString("base64url")}.${body}.`,
    "signed with a secret": jwt.sign(claims, "secret", { keyid: "x" }),
    nonsense: "not-a-token",
  };
  for (const [what, accessToken] of Object.entries(bad)) {
    const error = await refusal(mesh.withToken(UserService, accessToken).listMyAddresses({}));
    t.is(error.code, Code.UNAUTHENTICATED, what);
    t.is(error.reason, "TOKEN_INVALID", what);
  }
  await t.notThrowsAsync(mesh.withToken(UserService, token).listMyAddresses({}));
});

test("an access token stops being good when its time is up", async (t) => {
  const mesh = await startTestMesh(t, [auth, user], { env: { AUTH_ACCESS_TOKEN_MS: "1000" } });
  const token = (await mesh.withToken(AuthService, "").register(ADA)).tokens?.accessToken ?? "";
  const expired = await eventually(() => refusal(mesh.withToken(UserService, token).listMyAddresses({})));
  t.is(expired.reason, "TOKEN_INVALID");
});
