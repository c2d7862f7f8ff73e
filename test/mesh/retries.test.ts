import assert from "node:assert/strict";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { Code, MeshReason, refuseMesh, SoukError } from "#kit/error.ts";
import { eventually } from "../eventually.ts";
import { type EchoHandlers, type EchoMesh, type EchoMeshOptions, startEchoMesh } from "./echo-mesh.ts";
import { startTestEnvoy } from "./envoy-program.ts";
import { rawCall } from "./envoy-raw-call.ts";

const CALLS = 300;
/** Before anything has succeeded, gRPC clients repeat fifty calls of a channel; Envoy has three under way at a time. */
const FIRST_REPETITIONS = 60;
const HEDGING = { maxAttempts: 3, delay: { seconds: 0n, nanos: 30e6 } };

/** An echo mesh and the way to it by one data plane. */
async function startPlane(
  t: ExecutionContext,
  plane: "direct" | "envoy",
  handlers: Partial<EchoHandlers>,
  options: EchoMeshOptions = {},
): Promise<{ mesh: EchoMesh; client: ReturnType<EchoMesh["client"]> } | undefined> {
  const mesh = await startEchoMesh("direct", handlers, options);
  t.teardown(mesh.stop);
  if (plane === "direct") return { mesh, client: mesh.client() };
  const ports = mesh.addresses.map((address) => Number(address.split(":")[1]));
  const envoy = await startTestEnvoy(t, { echo: ports }, [mesh.contract]);
  return envoy && { mesh, client: mesh.clientAt(envoy.meshAddress) };
}

for (const plane of ["direct", "envoy"] as const) {
  test(`${plane}: when every call fails, repeating them adds a fifth to the load at most`, async (t) => {
    let attempts = 0;
    const started = await startPlane(
      t,
      plane,
      {
        async unary() {
          attempts++;
          await delay(5);
          throw new SoukError(Code.UNAVAILABLE, "as told");
        },
      },
      // The breaker would end it even sooner.
      { policy: { breaker: { minCalls: 1_000_000 } as never } },
    );
    if (started === undefined) return;
    const calls = Array.from({ length: CALLS }, () => t.throwsAsync(started.client.unary({})));
    await Promise.all(calls);
    t.true(attempts >= CALLS);
    t.true(attempts <= CALLS * 1.2 + FIRST_REPETITIONS, `${attempts} attempts for ${CALLS} calls`);
  });

  test(`${plane}: a slow replica is not waited for where the policy lets a call be sent twice`, async (t) => {
    const stopped = Promise.withResolvers<void>();
    const calls = { slow: 0, quick: 0 };
    let hangs = false;
    const started = await startPlane(
      t,
      plane,
      {
        async unary({ text }, { signal }) {
          calls.slow++;
          if (hangs) {
            await once(signal, "abort");
            stopped.resolve();
          }
          return { text };
        },
      },
      {
        policy: { retry: undefined, hedging: HEDGING as never },
        replicas: [
          {
            async unary({ text }) {
              calls.quick++;
              return { text };
            },
          },
        ],
      },
    );
    if (started === undefined) return;
    // Only a replica to which there is a connection can help out.
    await eventually(async () => {
      await started.client.unary({});
      assert.ok(calls.slow > 0 && calls.quick > 0);
    });
    hangs = true;
    calls.slow = 0;
    for (let n = 0; n < 6; n++) t.is((await started.client.unary({ text: `${n}` })).text, `${n}`);
    t.true(calls.slow > 0, "every other call goes to the slow replica first");
    // What lost is stopped.
    await stopped.promise;
  });
}

test("what was shed is not repeated by gRPC clients, and says when to come again", async (t) => {
  let attempts = 0;
  const mesh = await startEchoMesh("direct", {
    async unary() {
      attempts++;
      throw refuseMesh(MeshReason.OVERLOADED, "too much to do", { retryAfterMs: 400 });
    },
  });
  t.teardown(mesh.stop);
  const error = (await t.throwsAsync(mesh.client().unary({}))) as SoukError;
  t.deepEqual([error.code, error.reason], [Code.UNAVAILABLE, "OVERLOADED"]);
  t.is(attempts, 1);
});

test("a call that arrives after its deadline is not begun", async (t) => {
  let begun = 0;
  const mesh = await startEchoMesh("direct", {
    async unary() {
      begun++;
      return {};
    },
  });
  t.teardown(mesh.stop);
  const late = await rawCall(t, mesh.address, "/souk.echo.v1.EchoService/Unary", { "grpc-timeout": "1n" });
  t.is(late.code, Code.DEADLINE_EXCEEDED);
  t.is(begun, 0);
  const inTime = await rawCall(t, mesh.address, "/souk.echo.v1.EchoService/Unary", { "grpc-timeout": "9S" });
  t.is(inTime.code, Code.OK);
  t.is(begun, 1);
});

for (const plane of ["direct", "local"] as const) {
  test(`${plane}: work whose time is up, or whose caller is gone, calls nobody`, async (t) => {
    let begun = 0;
    const mesh = await startEchoMesh(plane, {
      async unary() {
        begun++;
        return {};
      },
    });
    t.teardown(mesh.stop);
    const late = (await t.throwsAsync(mesh.client({ deadline: Date.now() }).unary({}))) as SoukError;
    t.is(late.code, Code.DEADLINE_EXCEEDED);
    const gone = (await t.throwsAsync(mesh.client({ signal: AbortSignal.abort() }).unary({}))) as SoukError;
    t.deepEqual([gone.code, gone.reason], [Code.CANCELLED, "CALLER_GONE"]);
    t.is(begun, 0);
  });
}

test("a caller keeps some of its own time for the way back", async (t) => {
  let given = 0;
  const mesh = await startEchoMesh("local", {
    async unary(_, { deadline }) {
      given = deadline;
      return {};
    },
  });
  t.teardown(mesh.stop);
  const own = Date.now() + 15_000;
  await mesh.client({ deadline: own }).unary({});
  t.is(given, own - 20);
});
