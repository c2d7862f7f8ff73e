import assert from "node:assert/strict";
import test, { type ExecutionContext } from "ava";
import { BreakerControl, BreakerState, OperationsService } from "#gen/souk/mesh/v1/operations_pb.ts";
import { Code, MeshReason, refuseMesh, SoukError } from "#kit/error.ts";
import { user } from "../../services/user/service.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh } from "../mesh.ts";
import { type EchoMesh, startEchoMesh } from "./echo-mesh.ts";

const UNARY = "souk.echo.v1.EchoService/Unary";
/** Two of four calls open a breaker, so that few are needed. */
const BREAKER = { failurePercentage: 50, minCalls: 4, window: { seconds: 60n } };

/** An echo service whose next answers are set. */
async function startMoody(t: ExecutionContext, breakerResetMs = 60_000) {
  const mood: { fails: Code | undefined; calls: number } = { fails: undefined, calls: 0 };
  const mesh = await startEchoMesh(
    "local",
    {
      unary: async () => {
        mood.calls++;
        if (mood.fails !== undefined) throw new SoukError(mood.fails, "as told");
        return {};
      },
    },
    { breakerResetMs, policy: { breaker: BREAKER as never } },
  );
  t.teardown(mesh.stop);
  async function call(times: number, fails?: Code): Promise<void> {
    mood.fails = fails;
    for (let n = 0; n < times; n++)
      await mesh
        .client()
        .unary({})
        .catch(() => {});
  }
  return { mesh, mood, call };
}

function stateOf(mesh: EchoMesh): BreakerState | undefined {
  return mesh.breakers.list().find(({ method }) => method === UNARY)?.state;
}

test("a breaker opens when the part of calls has failed that its policy says, and not before", async (t) => {
  const { mesh, mood, call } = await startMoody(t);
  await call(2);
  await call(1, Code.UNAVAILABLE);
  t.is(stateOf(mesh), BreakerState.CLOSED);
  await call(1, Code.INTERNAL);
  t.is(stateOf(mesh), BreakerState.OPEN);

  const before = mood.calls;
  const error = await refused(t, mesh.client().unary({}));
  t.is(error.reason, "BREAKER_OPEN");
  t.is(mood.calls, before);
  const [report] = mesh.breakers.list();
  t.deepEqual([report?.target, report?.successes, report?.failures], ["echo", 2, 2]);
});

test("a caller's mistakes never open a breaker, and neither does a service that has too much to do", async (t) => {
  const { mesh, call } = await startMoody(t);
  for (const code of [
    Code.INVALID_ARGUMENT,
    Code.NOT_FOUND,
    Code.ALREADY_EXISTS,
    Code.PERMISSION_DENIED,
    Code.UNAUTHENTICATED,
    Code.RESOURCE_EXHAUSTED,
    Code.FAILED_PRECONDITION,
    Code.ABORTED,
    Code.OUT_OF_RANGE,
    Code.UNIMPLEMENTED,
    Code.CANCELLED,
  ]) {
    await call(8, code);
    t.is(stateOf(mesh), BreakerState.CLOSED, String(code));
  }
  // Nor do they make a service that fails look better than it is.
  await call(4, Code.UNAVAILABLE);
  t.is(stateOf(mesh), BreakerState.OPEN);

  const busy = await startEchoMesh(
    "direct",
    {
      unary: async () => {
        throw refuseMesh(MeshReason.OVERLOADED, "too much to do");
      },
    },
    { policy: { breaker: BREAKER as never } },
  );
  t.teardown(busy.stop);
  for (let n = 0; n < 8; n++) t.is((await refused(t, busy.client().unary({}))).reason, "OVERLOADED");
  t.is(stateOf(busy), BreakerState.CLOSED);
});

test("callers who give a call less than its time, or hang up, do not open its breaker for others", async (t) => {
  const mesh = await startEchoMesh(
    "local",
    { unary: () => new Promise(() => {}) },
    { timeoutMs: 100, policy: { breaker: BREAKER as never } },
  );
  t.teardown(mesh.stop);
  for (const timeoutMs of [1, 5, 50]) {
    const impatient = Array.from({ length: 8 }, () => refused(t, mesh.client().unary({}, { timeoutMs })));
    for (const { code } of await Promise.all(impatient)) t.is(code, Code.DEADLINE_EXCEEDED);
    t.is(stateOf(mesh), BreakerState.CLOSED, `${timeoutMs} ms`);
  }
  const hangUp = new AbortController();
  const left = Array.from({ length: 8 }, () =>
    refused(t, mesh.client().unary({}, { signal: hangUp.signal })),
  );
  hangUp.abort();
  for (const { code } of await Promise.all(left)) t.is(code, Code.CANCELLED);
  t.is(stateOf(mesh), BreakerState.CLOSED);

  const patient = Array.from({ length: 8 }, () => refused(t, mesh.client().unary({})));
  for (const { code } of await Promise.all(patient)) t.is(code, Code.DEADLINE_EXCEEDED);
  t.is(stateOf(mesh), BreakerState.OPEN);
});

test("a breaker that tries again is closed by a success, opened by a failure, and by a mistake neither", async (t) => {
  const { mesh, mood, call } = await startMoody(t, 20);
  const isHalfOpen = () => eventually(() => assert.equal(stateOf(mesh), BreakerState.HALF_OPEN));
  await call(4, Code.UNAVAILABLE);
  await isHalfOpen();
  await call(1, Code.UNAVAILABLE);
  t.not(stateOf(mesh), BreakerState.CLOSED);
  await isHalfOpen();
  for (const code of [Code.INVALID_ARGUMENT, Code.NOT_FOUND]) {
    const before = mood.calls;
    await call(3, code);
    t.is(mood.calls, before + 3);
    t.is(stateOf(mesh), BreakerState.HALF_OPEN);
  }
  await call(1);
  t.is(stateOf(mesh), BreakerState.CLOSED);
});

test("while one call tries, the others are refused", async (t) => {
  const answered = Promise.withResolvers<void>();
  let calls = 0;
  let waits = false;
  const mesh = await startEchoMesh(
    "local",
    {
      unary: async () => {
        calls++;
        if (!waits) throw new SoukError(Code.UNAVAILABLE, "as told");
        await answered.promise;
        return {};
      },
    },
    { breakerResetMs: 20, policy: { breaker: BREAKER as never } },
  );
  t.teardown(mesh.stop);
  for (let n = 0; n < 4; n++) await refused(t, mesh.client().unary({}));
  await eventually(() => assert.equal(stateOf(mesh), BreakerState.HALF_OPEN));
  waits = true;
  const trial = mesh.client().unary({});
  await eventually(() => assert.equal(calls, 5));
  t.is((await refused(t, mesh.client().unary({}))).reason, "BREAKER_OPEN");
  answered.resolve();
  await trial;
  t.is(calls, 5);
  t.is(stateOf(mesh), BreakerState.CLOSED);
});

test("an operator forces a breaker open and closed, and leaves it to itself again", async (t) => {
  const { mesh, mood, call } = await startMoody(t);
  await call(1);
  await mesh.breakers.set(UNARY, BreakerControl.FORCED_OPEN);
  t.is(stateOf(mesh), BreakerState.OPEN);
  t.is((await refused(t, mesh.client().unary({}))).reason, "BREAKER_OPEN");

  await mesh.breakers.set(UNARY, BreakerControl.FORCED_CLOSED);
  const before = mood.calls;
  await call(20, Code.UNAVAILABLE);
  t.is(mood.calls, before + 20);
  t.is(stateOf(mesh), BreakerState.CLOSED);

  await mesh.breakers.set(UNARY, BreakerControl.AUTOMATIC);
  await call(4, Code.UNAVAILABLE);
  t.is(stateOf(mesh), BreakerState.OPEN);
});

test("operators see and set the breakers of a service by RPC, also of what it has not called yet", async (t) => {
  const mesh = await startTestMesh(t, [user]);
  const operations = mesh.at(OperationsService, "user");
  const method = "souk.payment.v1.PaymentService/AuthorizePayment";
  const { breaker } = await operations.setBreaker({ method, control: BreakerControl.FORCED_OPEN });
  t.like(breaker, { method, target: "payment", state: BreakerState.OPEN });
  const { breakers } = await operations.listBreakers({});
  t.like(
    breakers.find((it) => it.method === method),
    { control: BreakerControl.FORCED_OPEN, state: BreakerState.OPEN },
  );
  const metrics = await fetch(`http://127.0.0.1:${mesh.port("user", "operations")}/metrics`);
  t.regex(await metrics.text(), /souk_breaker_state\{[^}]*AuthorizePayment[^}]*\} 1/);

  const unknown = { method: "souk.payment.v1.PaymentService/Nonsense", control: BreakerControl.FORCED_OPEN };
  t.is((await refused(t, operations.setBreaker(unknown))).code, Code.NOT_FOUND);
  t.is((await refused(t, operations.setBreaker({ method }))).code, Code.INVALID_ARGUMENT);
});

async function refused(t: ExecutionContext, call: Promise<unknown>): Promise<SoukError> {
  const error = (await t.throwsAsync(call)) as SoukError;
  t.true(error instanceof SoukError, String(error));
  return error;
}
