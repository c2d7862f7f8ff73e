import { durationMs } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { Code, detailOf } from "#kit/error.ts";
import { auth } from "../../services/auth/service.ts";
import { startTestMesh } from "../mesh.ts";
import { reasonOf, refusal } from "../refusal.ts";
import { type AuthDesk, openDesk, PASSWORD } from "./auth-desk.ts";

let desk: AuthDesk;
const closing: (() => Promise<void>)[] = [];

test.before(async () => {
  desk = await openDesk({ teardown: (work) => closing.unshift(work) });
});

test.after.always(async () => {
  for (const close of closing) await close();
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
    waits.every((ms, index) => ms > (waits[index - 1] ?? 1_000)),
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
