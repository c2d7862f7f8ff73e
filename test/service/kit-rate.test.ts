import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { OperationsService } from "#gen/souk/mesh/v1/operations_pb.ts";
import { UserService } from "#gen/souk/user/v1/user_pb.ts";
import { Code, detailOf, SoukError } from "#kit/error.ts";
import { networkOf } from "#kit/policy/rate.ts";
import { type Budget, createBudget } from "#kit/policy/rate-budget.ts";
import { connectRedis } from "#kit/redis.ts";
import { start } from "#kit/run.ts";
import { auth } from "../../services/auth/service.ts";
import { gateway } from "../../services/gateway/program.ts";
import { user } from "../../services/user/service.ts";
import { startOwnRedis } from "../chaos/stores.ts";
import { eventually } from "../eventually.ts";
import { rawCall } from "../mesh/envoy-raw-call.ts";
import { PATIENT_MS, startTestMesh } from "../mesh.ts";
import { testStores } from "../stores.ts";
import { requireTool } from "../tools.ts";
import { silent } from "./kit-bench.ts";

const POINTS = 200;
/** How long Redis may take where it is away for a while, in ms. */
const AWAY_MS = 500;

/** Budgets of processes that share one Redis, and that wait so long for it each, in ms. */
async function openBudgets(t: ExecutionContext, url: string, ...limits: readonly number[]) {
  const prefix = `test-${randomUUID()}:rate`;
  let draws = 0;
  const onDraw = () => draws++;
  const connections = limits.map((commandMs) => connectRedis(url, commandMs, silent));
  t.teardown(() => {
    for (const redis of connections) redis.disconnect();
  });
  await eventually(() => assert.ok(connections.every(({ status }) => status === "ready")));
  const budgets = connections.map((redis) => createBudget({ prefix, points: POINTS, redis, onDraw }));
  return { budgets, draws: () => draws };
}

async function redisUrl(t: ExecutionContext): Promise<string | undefined> {
  return requireTool(t, "Redis", (await testStores()).redisUrl);
}

/** How many of some calls at a time are allowed. */
async function allowed(budget: Budget, calls: number, cost = 1): Promise<number> {
  const all = await Promise.all(Array.from({ length: calls }, () => budget.spend("ada", cost)));
  return all.filter((it) => it.allowed).length;
}

test("one process gives a key exactly its points, with few looks into Redis", async (t) => {
  const url = await redisUrl(t);
  if (url === undefined) return;
  const { budgets, draws } = await openBudgets(t, url, PATIENT_MS);
  const [budget] = budgets as [Budget];
  let given = 0;
  for (let call = 1; call <= POINTS / 2; call++) {
    const { allowed, left } = await budget.spend("ada", 1);
    given += Number(allowed);
    t.is(left, POINTS - call);
  }
  t.is(given, POINTS / 2);
  t.true(draws() <= 20, `${draws()} looks for ${POINTS / 2} calls`);
  t.is(given + (await allowed(budget, POINTS)), POINTS);
  const before = draws();
  t.is(await allowed(budget, 100), 0);
  t.is(draws(), before, "what is known to be spent needs no look");
  t.true((await budget.spend("bob", 1)).allowed, "each key has points of its own");
});

test("several processes share a budget: together they never give more, and hardly less", async (t) => {
  const url = await redisUrl(t);
  if (url === undefined) return;
  const { budgets } = await openBudgets(t, url, PATIENT_MS, PATIENT_MS, PATIENT_MS);
  const given = await Promise.all(budgets.map((budget) => allowed(budget, POINTS)));
  const total = given.reduce((sum, it) => sum + it, 0);
  t.true(total <= POINTS, `${total}`);
  t.true(total >= POINTS - 2 * (POINTS / 20), `${total}`);
});

test("what a call costs is taken whole or not at all", async (t) => {
  const url = await redisUrl(t);
  if (url === undefined) return;
  const { budgets } = await openBudgets(t, url, PATIENT_MS);
  const [budget] = budgets as [Budget];
  t.is(await allowed(budget, 30, 30), 6);
  t.is(await allowed(budget, 30, 1), 20);
});

for (const [how, goAway, comeBack] of [
  ["stopped", "stop", "start"],
  ["frozen", "freeze", "thaw"],
] as const) {
  test(`while Redis is ${how} each process counts for itself`, async (t) => {
    const redis = requireTool(t, "Redis", await startOwnRedis(t));
    if (redis === undefined) return;
    const { budgets } = await openBudgets(t, redis.url, AWAY_MS, AWAY_MS);
    await allowed(budgets[0] as Budget, 10);
    await redis[goAway]();
    for (const budget of budgets) {
      const given = await allowed(budget, 2 * POINTS);
      t.true(given >= POINTS && given <= POINTS + POINTS / 20, `${given}`);
    }
    await redis[comeBack]();
    await eventually(async () => {
      const fresh = await budgets[0]?.spend(randomUUID(), 1);
      assert.equal(fresh?.allowed, true);
    });
  });
}

test("after a pause of its own a process does not take Redis for away", async (t) => {
  const url = await redisUrl(t);
  if (url === undefined) return;
  const limitMs = 50;
  const { budgets } = await openBudgets(t, url, limitMs, PATIENT_MS);
  const [here, there] = budgets as [Budget, Budget];
  // Redis knows from then on how to count.
  await there.spend("bob", 1);
  for (let pause = 1; pause <= 3; pause++) {
    const spending = here.spend("ada", POINTS / 4);
    const until = performance.now() + 10 * limitMs;
    while (performance.now() < until);
    t.true((await spending).allowed);
  }
  t.is(await allowed(there, POINTS), POINTS / 4, "all of it was counted in Redis");
});

test("two gateways share the budget of whoever calls through them, and tell what is left of it", async (t) => {
  const url = await redisUrl(t);
  if (url === undefined) return;
  const limit = 30;
  const env = { SOUK_RATE_AUTHENTICATED: String(limit) };
  const mesh = await startTestMesh(t, [auth, user, gateway], { env });
  const directory = ["auth", "user"].map((name) => `${name}=127.0.0.1:${mesh.port(name)}`).join();
  const second = await start([gateway], {
    ...mesh.env,
    SOUK_DATA_PLANE: "direct",
    SOUK_MESH_DIRECTORY: directory,
  });
  t.teardown(() => second.stop());
  const ports = [mesh.port("gateway", "http"), second.programs[0]?.ports["http"]];

  const post = (port: number | undefined, method: string, body: object, token?: string) =>
    fetch(`http://127.0.0.1:${port}/${method}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    });
  const registered = await post(ports[0], "souk.auth.v1.AuthService/Register", {
    email: "ada@example.com",
    password: "correct horse battery",
    firstName: "Ada",
    lastName: "L",
  });
  const { tokens } = (await registered.json()) as { tokens: { accessToken: string } };
  const getMe = (port: number | undefined) =>
    post(port, "souk.user.v1.UserService/GetMe", {}, tokens.accessToken);
  // The profile comes with an event. Calls before it are counted once each, however often the mesh repeats them.
  const answers: number[] = [];
  for (let call = 0; call < limit + 10; call++) answers.push((await getMe(ports[call % 2])).status);
  const refusedFrom = answers.indexOf(429);
  const served = answers.filter((status) => status === 200 || status === 404).length;
  // Of a call that a busy machine answers too late nobody knows whether it counts.
  t.true(served <= limit && refusedFrom >= limit, `${answers}`);
  t.true(answers.slice(refusedFrom).every((status) => status === 429));

  const error = (await t.throwsAsync(mesh.withToken(UserService, tokens.accessToken).getMe({}))) as SoukError;
  t.true(error instanceof SoukError);
  t.deepEqual([error.code, error.reason], [Code.RESOURCE_EXHAUSTED, "RATE_LIMITED"]);
  t.like(error.metadata, { tier: "authenticated", limit: "30" });
  const delay = detailOf(error, RetryInfoSchema)?.retryDelay;
  t.true(Number(delay?.seconds) < 60);
  const told = await rawCall(t, `127.0.0.1:${mesh.port("user")}`, "/souk.user.v1.UserService/GetMe", {
    authorization: `Bearer ${tokens.accessToken}`,
  });
  t.is(told.headers["ratelimit-policy"], '"authenticated";q=30;w=60');
  t.regex(String(told.headers["ratelimit"]), /^"authenticated";r=0;t=\d+$/);

  const operations = mesh.at(OperationsService, "user");
  for (let call = 0; call < limit + 1; call++) await t.notThrowsAsync(operations.listBreakers({}));
});

test("the anonymous are told apart by address, and IPv6 by network", (t) => {
  t.is(networkOf("203.0.113.7"), "203.0.113.7");
  t.is(networkOf("::ffff:203.0.113.7"), "203.0.113.7");
  t.is(networkOf("2001:db8:0:12:a:b:c:d"), "2001:db8:0:12::/64");
  t.is(networkOf("2001:0db8::1"), "2001:db8:0:0::/64");
  t.is(networkOf("2001:db8:1:2::"), networkOf("2001:db8:1:2:ffff::1"));
  t.is(networkOf("::1"), "0:0:0:0::/64");
});
