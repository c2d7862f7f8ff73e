import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import test from "ava";
import jwt from "jsonwebtoken";
import { Code } from "#kit/error.ts";
import type { Identity } from "#kit/identity/access-snapshot.ts";
import { createAuthenticator, SERVICE_TOKEN, USER_TOKEN } from "#kit/identity/authenticator.ts";
import { cachedKeySet } from "#kit/identity/key-set.ts";
import { serviceTokens } from "#kit/identity/service-token.ts";
import type { User } from "#kit/principal.ts";
import { eventually } from "../eventually.ts";
import { refusal } from "../refusal.ts";

const pair = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
const [user, order, operator, stranger] = [pair(), pair(), pair(), pair()];
const bundle = [
  { ...order.publicKey.export({ format: "jwk" }), kid: "order:1" },
  { ...operator.publicKey.export({ format: "jwk" }), kid: "operator:1" },
];
const jwkOf = (key: KeyObject, kid: string) => ({ ...key.export({ format: "jwk" }), kid });

/** Everybody may do what their roles are called. */
const resolve = async (identity: Identity): Promise<User> => ({
  kind: "user",
  ...identity,
  permissions: new Set(identity.roles),
  machine: identity.scopes !== undefined,
});

const authenticator = createAuthenticator(
  bundle,
  async (kid) => (kid === "user-1" ? user.publicKey : undefined),
  { resolve, onNews: () => () => {} },
);

const claims = { sub: "ada", email: "ada@example.com", roles: ["customer"], sid: "s1" };

/** A token that is good but for what is said. */
function token(options: jwt.SignOptions = {}, key: jwt.Secret = user.privateKey, more: object = {}): string {
  return jwt.sign({ ...claims, ...more }, key, {
    ...USER_TOKEN,
    algorithm: "ES256",
    keyid: "user-1",
    expiresIn: 60,
    ...options,
  });
}

const serviceToken = (options: jwt.SignOptions = {}, key: KeyObject = order.privateKey) =>
  jwt.sign({}, key, {
    algorithm: "ES256",
    keyid: "order:1",
    issuer: "order",
    audience: SERVICE_TOKEN.audience,
    expiresIn: 60,
    ...options,
  });

const authenticate = (text: string) => authenticator.authenticate(`Bearer ${text}`);

test("a good token speaks for its user, again and again", async (t) => {
  const good = token();
  for (let n = 0; n < 2; n++) {
    t.like(await authenticate(good), { kind: "user", id: "ada", sessionId: "s1", machine: false });
  }
  t.like(await authenticate(token({}, user.privateKey, { scope: "orders:read" })), { machine: true });
});

const now = () => Math.floor(Date.now() / 1000);
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const publicPem = user.publicKey.export({ type: "spki", format: "pem" });
const body = part({ ...claims, iss: USER_TOKEN.issuer, aud: USER_TOKEN.audience, exp: now() + 60 });

const bad: Readonly<Record<string, () => string>> = {
  "that is not signed at all (alg: none)": () => `${part({ alg: "none", kid: "user-1" })}.${body}.`,
  "whose signature was cut off": () => `${token().split(".").slice(0, 2).join(".")}.`,
  "that is signed with HS256 and the public key as the secret": () =>
    // The library refuses to make such a token, so it is made by hand.
    hmac({ alg: "HS256", typ: "JWT", kid: "user-1" }),
  "that is signed with HS384 and the public key as the secret": () =>
    hmac({ alg: "HS384", typ: "JWT", kid: "user-1" }, "sha384"),
  "for another audience": () => token({ audience: "another" }),
  "for services": () => token({ audience: SERVICE_TOKEN.audience }),
  "of another issuer": () => token({ issuer: "another" }),
  "of a service as the issuer": () => token({ issuer: "order" }),
  "that is expired": () => token({ expiresIn: -1 }),
  "that is not yet valid": () => token({ notBefore: 60 }),
  "signed with an unknown key": () => token({ keyid: "user-2" }, stranger.privateKey),
  "signed with another key than it says": () => token({}, stranger.privateKey),
  "that names no key": () => jwt.sign(claims, user.privateKey, { ...USER_TOKEN, algorithm: "ES256" }),
  "with claims that were changed": () => {
    const [head, , signature] = token().split(".");
    return `${head}.${part({ ...claims, roles: ["admin"] })}.${signature}`;
  },
  "for a user that a service signed": () => token({ keyid: "order:1" }, order.privateKey),
  "that is a service's own": () => serviceTokens("order", jwkOf(order.privateKey, "order:1") as never)(),
  "that is none": () => "not-a-token",
};

function hmac(header: object, digest = "sha256"): string {
  const signed = `${part(header)}.${body}`;
  return `${signed}.${createHmac(digest, publicPem).update(signed).digest("base64url")}`;
}

for (const [what, make] of Object.entries(bad)) {
  test(`a user's token ${what} is refused`, async (t) => {
    const error = await refusal(authenticate(make()));
    t.deepEqual([error.code, error.reason], [Code.UNAUTHENTICATED, "TOKEN_INVALID"]);
  });
}

test("the operator's token is taken where a user's would be", async (t) => {
  const own = serviceTokens("operator", jwkOf(operator.privateKey, "operator:1") as never)();
  const principal = await authenticate(own);
  t.is(principal.kind, "service");
  t.true(principal.kind === "service" && principal.permissions.has("*"));
});

const badServices: Readonly<Record<string, () => string>> = {
  "of a user": () => token(),
  "of a user with a service's key id": () => token({ keyid: "order:1" }),
  "that is not signed": () => `${part({ alg: "none", kid: "order:1" })}.${part({ iss: "order" })}.`,
  "that speaks for another service": () => serviceToken({ issuer: "payment" }),
  "that speaks for the operator": () => serviceToken({ issuer: "operator" }),
  "for another audience": () => serviceToken({ audience: USER_TOKEN.audience }),
  "that is expired": () => serviceToken({ expiresIn: -1 }),
  "that is not yet valid": () => serviceToken({ notBefore: 60 }),
  "signed with an unknown key": () => serviceToken({ keyid: "order:2" }),
  "signed by a stranger": () => serviceToken({}, stranger.privateKey),
};

for (const [what, make] of Object.entries(badServices)) {
  test(`a service's token ${what} is refused`, (t) => {
    const error = t.throws(() => authenticator.authenticateService(make()));
    t.like(error, { code: Code.UNAUTHENTICATED, reason: "TOKEN_INVALID" });
  });
}

test("a service's token says which one calls", (t) => {
  t.like(authenticator.authenticateService(serviceToken()), { kind: "service", name: "order" });
});

test("while keys cannot be read, a token is neither good nor bad, and who brings it may try again", async (t) => {
  let away = true;
  const findKey = cachedKeySet(async () => {
    if (away) throw new Error("the line is cut");
    return JSON.stringify({ keys: [jwkOf(user.publicKey, "user-1")] });
  });
  // The second one comes before it is asked again.
  for (const _ of ["first", "second"]) {
    const error = await refusal(findKey("user-1"));
    t.deepEqual([error.code, error.reason], [Code.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"]);
  }
  away = false;
  await eventually(async () => assert.ok(await findKey("user-1")));
  t.is(await findKey("made-up"), undefined);
  away = true;
  t.truthy(await findKey("user-1"), "what is known goes on serving");
});
