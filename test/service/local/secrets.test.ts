import { createPrivateKey, createPublicKey, type JsonWebKey, sign, verify } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { developmentSecrets } from "../../../deploy/local/secrets.ts";

function makeFile(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), "souk-secrets-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return join(dir, "keys", "services.json");
}

test("what a private key signs, its public key in the trust bundle verifies", (t) => {
  const { trustBundle, privateKeys } = developmentSecrets(makeFile(t), ["order", "user"]);
  const publicKeys: { kid: string }[] = JSON.parse(trustBundle).keys;
  t.deepEqual(Object.keys(privateKeys), ["order", "user", "operator"]);
  for (const [name, key] of Object.entries(privateKeys)) {
    t.true(key.kid.startsWith(`${name}:`));
    t.like(key, { alg: "ES256", use: "sig", kty: "EC", crv: "P-256" });
    const text = Buffer.from("hello");
    const signature = sign("sha256", text, createPrivateKey({ key, format: "jwk" }));
    const publicKey = publicKeys.find(({ kid }) => kid === key.kid) as JsonWebKey;
    t.true(verify("sha256", text, createPublicKey({ key: publicKey, format: "jwk" }), signature));
  }
});

test("the trust bundle holds no private part", (t) => {
  const { trustBundle } = developmentSecrets(makeFile(t), ["order"]);
  for (const key of JSON.parse(trustBundle).keys) t.false("d" in key);
});

test("keys are kept, readable by their owner alone, and a new service gets one of its own", (t) => {
  const file = makeFile(t);
  const first = developmentSecrets(file, ["order"]);
  const second = developmentSecrets(file, ["order", "user"]);
  t.deepEqual(second.privateKeys.order, first.privateKeys.order);
  t.truthy(second.privateKeys.user);
  t.is(statSync(file).mode & 0o777, 0o600);
});

test("a file that does not hold keys is named with the remedy", (t) => {
  const file = makeFile(t);
  developmentSecrets(file, []);
  writeFileSync(file, "{");
  t.throws(() => developmentSecrets(file, []), { message: /does not hold keys. Remove it/ });
});

test("nothing that is made for development works in production, and what to set instead is named", (t) => {
  const file = makeFile(t);
  const error = t.throws(() => developmentSecrets(file, ["order", "user"], { NODE_ENV: "production" }));
  const secrets = ["AUTH_KEY_SECRET", "PAYMENT_GIFT_CARD_SECRET", "NOTIFICATION_KEY_SECRET"];
  for (const setting of ["ORDER_SERVICE_KEY", "USER_SERVICE_KEY", "SOUK_TRUST_BUNDLE", ...secrets]) {
    t.true(error?.message.includes(setting), setting);
  }
  t.false(existsSync(file));
});
