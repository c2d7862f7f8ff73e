import assert from "node:assert/strict";
import { createPublicKey, type JsonWebKey } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import test from "ava";
import jwt from "jsonwebtoken";
import { UserService } from "#gen/souk/user/v1/user_pb.ts";
import { gateway } from "../../services/gateway/program.ts";
import { user } from "../../services/user/service.ts";
import { eventually } from "../eventually.ts";
import { openDesk } from "./auth-desk.ts";

const kidOf = (token: string) => jwt.decode(token, { complete: true })?.header.kid;

test("keys rotate while clients call, and nobody is signed out", async (t) => {
  const desk = await openDesk(t, {
    programs: [user],
    env: { AUTH_KEY_ROTATE_MS: "1000", AUTH_KEY_PUBLISH_MS: "1500", AUTH_ACCESS_TOKEN_MS: "60000" },
  });
  const url = `http://127.0.0.1:${desk.mesh.port("auth", "operations")}/.well-known/jwks.json`;
  const published = async () => {
    const { keys } = (await (await fetch(url)).json()) as { keys: { kid: string; d?: string }[] };
    assert(keys.every(({ d }) => d === undefined));
    return keys.map(({ kid }) => kid);
  };
  let { accessToken, refreshToken } = await desk.register();
  const all = [accessToken];
  const signedWith = new Set([kidOf(accessToken)]);
  while (signedWith.size < 3) {
    // Every token that was ever given out is still good, whatever signed it.
    await Promise.all(all.map((token) => desk.mesh.withToken(UserService, token).listMyAddresses({})));
    const { tokens } = await desk.nobody.refresh({ refreshToken });
    ({ accessToken = "", refreshToken = "" } = tokens ?? {});
    const kid = kidOf(accessToken);
    t.true((await published()).includes(kid ?? ""), "a key is published before it signs");
    if (!signedWith.has(kid)) all.push(accessToken);
    signedWith.add(kid);
    await delay(20);
  }
  t.pass();
});

test("the gateway shows the keys where others look for them", async (t) => {
  const desk = await openDesk(t, { programs: [gateway] });
  const { id, accessToken } = await desk.register();
  const url = `http://127.0.0.1:${desk.mesh.port("gateway", "http")}/.well-known/jwks.json`;
  const answer = await fetch(url);
  t.is(answer.headers.get("content-type"), "application/jwk-set+json");
  const { keys } = (await answer.json()) as { keys: (JsonWebKey & { kid: string })[] };
  const key = keys.find(({ kid }) => kid === kidOf(accessToken));
  const verified = jwt.verify(accessToken, createPublicKey({ key: key as never, format: "jwk" }));
  t.is(verified.sub, id);
  t.is((await fetch(url, { method: "POST", body: "{}" })).status, 404);
});

test("a key goes when its last token has expired; the private halves are never in the clear", async (t) => {
  const desk = await openDesk(t, {
    env: { AUTH_KEY_ROTATE_MS: "500", AUTH_KEY_PUBLISH_MS: "300", AUTH_ACCESS_TOKEN_MS: "1000" },
  });
  const { accessToken } = await desk.register();
  const first = kidOf(accessToken);
  const keys = async () => (await desk.run("select kid, private_key from signing_key")) as unknown as Key[];
  await eventually(async () => assert(!(await keys()).some(({ kid }) => kid === first)));
  for (const { private_key } of await keys()) {
    // PKCS #8 names the curve prime256v1 by this object identifier.
    t.false(private_key.includes(Buffer.from("06082a8648ce3d030107", "hex")));
  }
});

interface Key {
  readonly kid: string;
  readonly private_key: Buffer;
}
