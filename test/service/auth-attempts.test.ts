import { create } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { AuthService, LoginRequestSchema } from "#gen/souk/auth/v1/auth_pb.ts";
import { Code, detailOf } from "#kit/error.ts";
import { serviceTokens } from "#kit/identity/service-token.ts";
import { grpcTransport } from "#kit/mesh/grpc-transport.ts";
import { CLIENT_ADDRESS_HEADER, SERVICE_TOKEN_HEADER } from "#kit/policy/identity.ts";
import { auth } from "../../services/auth/service.ts";
import { afterFile } from "../after-file.ts";
import { startTestMesh } from "../mesh.ts";
import { reasonOf, refusal } from "../refusal.ts";
import type { Teardown } from "../stores.ts";
import { type AuthDesk, openDesk, PASSWORD, prolongDelays } from "./auth-desk.ts";

let desk: AuthDesk;
const file = afterFile(test);

test.before(async () => {
  desk = await openDesk(file);
  await prolongDelays(desk);
});

const guess = (email: string) => desk.nobody.login({ email, password: "not this one" });
const retryMsOf = async (call: Promise<unknown>) => {
  const info = detailOf(await refusal(call), RetryInfoSchema)?.retryDelay;
  return info === undefined ? 0 : durationMs(info);
};
/** Lets the delays pass. */
const wait = () => desk.run("update failed_attempt set blocked_until = 'epoch'");

test.serial("whoever guesses at passwords has to wait, longer each time, and is told how long", async (t) => {
  const { email } = await desk.register();
  const reasons: string[] = [];
  for (let n = 0; n < 12; n++) reasons.push(await reasonOf(guess(email)));
  t.deepEqual(reasons.slice(0, 11), Array(11).fill("CREDENTIALS_INVALID"));
  t.is(reasons[11], "TOO_MANY_ATTEMPTS");
  const right = await refusal(desk.nobody.login({ email, password: PASSWORD }));
  t.deepEqual([right.code, right.reason], [Code.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS"]);

  const waits: number[] = [];
  for (let n = 0; n < 4; n++) {
    await wait();
    await guess(email).catch(() => {});
    waits.push(await retryMsOf(guess(email)));
  }
  t.true(
    waits.every((ms, index) => ms > (waits[index - 1] ?? 3_600_000)),
    `${waits}`,
  );
  await wait();
  await t.notThrowsAsync(desk.nobody.login({ email, password: PASSWORD }));
  t.is(await reasonOf(guess(email)), "CREDENTIALS_INVALID", "who succeeded begins anew");
});

test.serial("an address without an account is counted just alike", async (t) => {
  const email = "nobody@example.com";
  const reasons: string[] = [];
  for (let n = 0; n < 12; n++) reasons.push(await reasonOf(guess(email.toUpperCase())));
  t.deepEqual(reasons, [...Array(11).fill("CREDENTIALS_INVALID"), "TOO_MANY_ATTEMPTS"]);
});

test.serial("attempts at once are as many as one after the other, and replicas count together", async (t) => {
  const { email } = await desk.register();
  const replica = await startTestMesh(t, [auth], {
    env: { ...desk.mesh.env, AUTH_PORT: "0", SOUK_REDIS_URL: "redis://127.0.0.1:1" },
  });
  const clients = [desk.nobody, replica.withToken(AuthService, "")];
  const reasons = await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      reasonOf((clients[n % 2] ?? desk.nobody).login({ email, password: "not this one" })),
    ),
  );
  t.is(reasons.filter((it) => it === "CREDENTIALS_INVALID").length, 11);
});

/** Signs in as the gateway does for somebody at an address, or as another service that claims to. */
function openLine(t: Teardown, caller = "gateway") {
  const transport = grpcTransport(() => ({ target: `ipv4:127.0.0.1:${desk.mesh.port("auth")}` }));
  t.teardown(async () => transport.close());
  const key = desk.mesh.env[`${caller.toUpperCase()}_SERVICE_KEY`] as string;
  const token = serviceTokens(caller, JSON.parse(key));
  return (address: string, email: string, password = "not this one") =>
    transport.call(AuthService.method.login, create(LoginRequestSchema, { email, password }), {
      headers: new Map([
        [SERVICE_TOKEN_HEADER, token()],
        [CLIENT_ADDRESS_HEADER, address],
      ]),
      deadline: Date.now() + 10_000,
      signal: new AbortController().signal,
    });
}

test.serial("who guesses at one address does not keep the owner out at another", async (t) => {
  const { email } = await desk.register();
  const login = openLine(t);
  for (let n = 0; n < 11; n++) await login("203.0.113.66", email).catch(() => {});
  t.is(await reasonOf(login("203.0.113.66", email, PASSWORD)), "TOO_MANY_ATTEMPTS");
  await t.notThrowsAsync(login("198.51.100.1", email, PASSWORD));
});

test.serial(
  "many addresses that guess at one account are slowed down together, but not its owner",
  async (t) => {
    const { email } = await desk.register();
    const login = openLine(t);
    await login("198.51.100.2", email, PASSWORD);
    const guesses = await Promise.all(
      Array.from({ length: 40 }, (_, n) => reasonOf(login(`203.0.113.${n}`, email))),
    );
    t.is(guesses.filter((it) => it === "CREDENTIALS_INVALID").length, 31);
    t.is(await reasonOf(login("192.0.2.1", email, PASSWORD)), "TOO_MANY_ATTEMPTS");
    await t.notThrowsAsync(login("198.51.100.2", email, PASSWORD), "where the owner signed in before");
  },
);

test.serial("one address that guesses at many accounts is slowed down, others are not", async (t) => {
  const login = openLine(t);
  const reasons: string[] = [];
  // A few at a time, so that each is answered in its time.
  while (reasons.length < 101) {
    const some = Array.from({ length: Math.min(20, 101 - reasons.length) }, (_, n) =>
      reasonOf(login("203.0.113.99", `victim-${reasons.length + n}@example.com`)),
    );
    reasons.push(...(await Promise.all(some)));
  }
  t.deepEqual(new Set(reasons), new Set(["CREDENTIALS_INVALID"]));
  const { email } = await desk.register();
  t.is(await reasonOf(login("203.0.113.99", email, PASSWORD)), "TOO_MANY_ATTEMPTS");
  await t.notThrowsAsync(login("203.0.113.98", email, PASSWORD));
});

test.serial("only the gateway is believed from where a call comes", async (t) => {
  const { email } = await desk.register();
  const login = openLine(t, "order");
  const reasons: string[] = [];
  for (let n = 0; n < 12; n++) reasons.push(await reasonOf(login(`203.0.113.${n}`, email)));
  t.is(reasons.at(-1), "TOO_MANY_ATTEMPTS", "all of them count as from one place");
});
