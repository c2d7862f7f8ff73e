import { once } from "node:events";
import { readFileSync } from "node:fs";
import { create, toBinary } from "@bufbuild/protobuf";
import ava, { type ExecutionContext } from "ava";
import { Health } from "#gen/health/v1/health_pb.ts";
import { AuthService, LoginRequestSchema } from "#gen/souk/auth/v1/auth_pb.ts";
import { OperationsService } from "#gen/souk/mesh/v1/operations_pb.ts";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { ProductAdminService } from "#gen/souk/product/v1/product_admin_pb.ts";
import { Code, MeshReason, refuseMesh, SoukError } from "#kit/error.ts";
import type { Call } from "#kit/rpc/call.ts";
import { startTestEnvoy } from "./envoy-program.ts";
import { frame, rawCall } from "./envoy-raw-call.ts";
import { joinAsCaller, serving, startHangingService, startTestService } from "./envoy-service.ts";

// One at a time, so that each has its policies' time for itself.
const test = ava.serial;

const orderId = "018f6b1c-7c8e-7d0a-8a53-6f0a4f2f7e11";
const refreshToken = "r".repeat(43);
const login = { email: "ada@example.com", password: "correct horse" };
const unavailable = () => refuseMesh(MeshReason.DEPENDENCY_UNAVAILABLE, "the store of keys is away");

test("more streams than one HTTP/2 connection usually takes are watched at a time", async (t) => {
  const streams = 1_200;
  const order = await startTestService(
    t,
    serving(OrderService, {
      async *watchOrder({ id }, { signal }) {
        yield { order: { id } };
        await once(signal, "abort");
      },
    }),
  );
  const envoy = await startTestEnvoy(t, { order: [order] });
  if (envoy === undefined) return;
  const client = joinAsCaller(t, envoy.meshAddress)(OrderService);
  const watched = Array.from({ length: streams }, () =>
    client.watchOrder({ id: orderId })[Symbol.asyncIterator](),
  );
  const firsts = await Promise.all(watched.map((stream) => stream.next()));
  t.true(firsts.every(({ done }) => done === false));
  await Promise.all(watched.map((stream) => stream.return?.()));
});

test("a call reaches the service that its contract names, with all that the caller sent", async (t) => {
  const arrived = Promise.withResolvers<Call & { remainingMs: number }>();
  const auth = await startTestService(
    t,
    serving(AuthService, {
      login: async (_, call) => {
        arrived.resolve({ ...call, remainingMs: call.deadline - Date.now() });
        return { tokens: { accessToken: "t".repeat(3_000_000) } };
      },
    }),
  );
  const envoy = await startTestEnvoy(t, { auth: [auth] });
  if (envoy === undefined) return;
  const caller = joinAsCaller(t, envoy.meshAddress);
  const scope = { requestId: "from.the:caller-1", traceparent: TRACEPARENT, deadline: Date.now() + 4_000 };
  const { tokens } = await caller(AuthService, scope).login(login);
  t.is(tokens?.accessToken.length, 3_000_000);
  const { requestId, traceparent, caller: name, remainingMs } = await arrived.promise;
  t.deepEqual([requestId, traceparent, name], ["from.the:caller-1", TRACEPARENT, "order"]);
  t.true(remainingMs > 0 && remainingMs <= 4_000, "the policy alone would give 5 s");
});

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

test("a call is ended in time whatever the service does: by the caller's deadline, or by the policy", async (t) => {
  const envoy = await startTestEnvoy(t, { auth: [await startHangingService(t)] });
  if (envoy === undefined) return;
  const service = "/souk.auth.v1.AuthService";
  // The policies give Login 5 s and GetKeySet 2 s.
  const byCaller = await timed(() =>
    rawCall(t, envoy.meshAddress, `${service}/Login`, { "grpc-timeout": "200m" }),
  );
  t.is(byCaller.answer.code, Code.DEADLINE_EXCEEDED);
  t.true(byCaller.ms < 4_000);
  const byPolicy = await timed(() => rawCall(t, envoy.meshAddress, `${service}/GetKeySet`));
  t.is(byPolicy.answer.code, Code.DEADLINE_EXCEEDED);
  t.true(byPolicy.ms > 1_900);
});

test("UNAVAILABLE is repeated as often as the policy says, and the last answer is the service's own", async (t) => {
  let attempts = 0;
  let failures = 2;
  const logout = async () => {
    attempts++;
    if (attempts <= failures) throw unavailable();
    return {};
  };
  const auth = await startTestService(t, serving(AuthService, { logout }));
  const envoy = await startTestEnvoy(t, { auth: [auth] });
  if (envoy === undefined) return;
  const client = joinAsCaller(t, envoy.meshAddress)(AuthService);
  await client.logout({ refreshToken });
  t.is(attempts, 3);

  attempts = 0;
  failures = 100;
  const error = await refused(t, client.logout({ refreshToken }), Code.UNAVAILABLE);
  t.is(attempts, 3);
  t.is(error.reason, "DEPENDENCY_UNAVAILABLE");
  t.is(error.message, "the store of keys is away");
});

test("what the policy does not let repeat happens once, even when the caller asks Envoy to repeat it", async (t) => {
  let attempts = 0;
  const auth = await startTestService(
    t,
    serving(AuthService, {
      login: async () => {
        attempts++;
        throw unavailable();
      },
    }),
  );
  const envoy = await startTestEnvoy(t, { auth: [auth] });
  if (envoy === undefined) return;
  await refused(t, joinAsCaller(t, envoy.meshAddress)(AuthService).login(login), Code.UNAVAILABLE);
  t.is(attempts, 1);
  const headers = { "x-envoy-retry-grpc-on": "unavailable", "x-envoy-max-retries": "3" };
  const message = toBinary(LoginRequestSchema, create(LoginRequestSchema, login));
  const path = "/souk.auth.v1.AuthService/Login";
  const { code } = await rawCall(t, envoy.meshAddress, path, headers, message);
  t.is(code, Code.UNAVAILABLE);
  t.is(attempts, 2);
});

test("other failures than UNAVAILABLE are answers and not repeated", async (t) => {
  let attempts = 0;
  const auth = await startTestService(
    t,
    serving(AuthService, {
      logout: async () => {
        attempts++;
        throw refuseMesh(MeshReason.UNEXPECTED, "broken");
      },
    }),
  );
  const envoy = await startTestEnvoy(t, { auth: [auth] });
  if (envoy === undefined) return;
  const client = joinAsCaller(t, envoy.meshAddress)(AuthService);
  // Enough of them that outlier detection would put the service aside if it counted answers.
  for (let call = 1; call <= 8; call++) {
    await refused(t, client.logout({ refreshToken }), Code.INTERNAL);
    t.is(attempts, call);
  }
});

test("a replica that hangs leaves time for another one", async (t) => {
  const auth = await startTestService(t, serving(AuthService, { logout: async () => ({}) }));
  const envoy = await startTestEnvoy(t, { auth: [await startHangingService(t), auth] });
  if (envoy === undefined) return;
  const client = joinAsCaller(t, envoy.meshAddress)(AuthService);
  const calls = Array.from({ length: 4 }, () => client.logout({ refreshToken }));
  await t.notThrowsAsync(Promise.all(calls));
});

test("a stream's messages come as they are made, and who leaves it stops the work behind it", async (t) => {
  const next = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const stopped = Promise.withResolvers<void>();
  const order = await startTestService(
    t,
    serving(OrderService, {
      async *watchOrder({ id }, { signal }) {
        yield { order: { id, number: "1" } };
        await next[0]?.promise;
        yield { order: { id, number: "2" } };
        await next[1]?.promise;
        yield { order: { id, number: "3" } };
        await once(signal, "abort");
        stopped.resolve();
      },
    }),
  );
  const envoy = await startTestEnvoy(t, { order: [order] });
  if (envoy === undefined) return;
  const client = joinAsCaller(t, envoy.meshAddress)(OrderService);
  const numbers: string[] = [];
  for await (const { order: now } of client.watchOrder({ id: orderId })) {
    numbers.push(now?.number ?? "");
    next[numbers.length - 1]?.resolve();
    if (numbers.length === 3) break;
  }
  await stopped.promise;
  t.deepEqual(numbers, ["1", "2", "3"]);
});

test("both sides of a call may stream, in turn", async (t) => {
  const product = await startTestService(
    t,
    serving(ProductAdminService, {
      async *importProducts(requests) {
        let bytes = 0;
        for await (const { part } of requests) {
          if (part.case === "chunk") bytes += part.value.length;
          yield { part: { case: "progress" as const, value: { products: BigInt(bytes) } } };
        }
      },
    }),
  );
  const envoy = await startTestEnvoy(t, { product: [product] });
  if (envoy === undefined) return;
  const client = joinAsCaller(t, envoy.meshAddress)(ProductAdminService);
  let answered = Promise.withResolvers<void>();
  async function* chunks() {
    for (const length of [100_000, 200_000, 300_000]) {
      yield { part: { case: "chunk" as const, value: new Uint8Array(length) } };
      await answered.promise;
    }
  }
  const totals: bigint[] = [];
  for await (const { part } of client.importProducts(chunks())) {
    if (part.case === "progress") totals.push(part.value.products);
    const before = answered;
    answered = Promise.withResolvers();
    before.resolve();
  }
  t.deepEqual(totals, [100_000n, 300_000n, 600_000n]);
});

test("a service that cannot be reached is UNAVAILABLE, in words without internals", async (t) => {
  const envoy = await startTestEnvoy(t, {});
  if (envoy === undefined) return;
  const client = joinAsCaller(t, envoy.meshAddress)(AuthService);
  for (const call of [client.login(login), client.getKeySet({})]) {
    const error = await refused(t, call, Code.UNAVAILABLE);
    t.is(error.message, "the service cannot be reached at the moment; try again");
  }
  // The log of the mesh says more; it holds nothing but what Envoy could not pass on.
  await envoy.stop();
  const lines = readFileSync(envoy.accessLog, "utf8").trimEnd().split("\n");
  t.deepEqual(
    lines.map((line) => JSON.parse(line)).map(({ listener, path, attempts }) => [listener, path, attempts]),
    [
      ["mesh", "/souk.auth.v1.AuthService/Login", 1],
      ["mesh", "/souk.auth.v1.AuthService/GetKeySet", 3],
    ],
  );
});

test("operations go to the service that a header names, health to the gateway, the unknown nowhere", async (t) => {
  const order = await startTestService(
    t,
    serving(OperationsService, { listJobs: async () => ({ jobs: [{ name: "expire-carts" }] }) }),
  );
  const gateway = await startTestService(t);
  const envoy = await startTestEnvoy(t, { order: [order], gateway: [gateway] });
  if (envoy === undefined) return;
  const call = (path: string, headers = {}) => rawCall(t, envoy.meshAddress, path, headers);
  const listJobs = "/souk.mesh.v1.OperationsService/ListJobs";

  // Whoever is not signed in is refused by the service itself.
  t.is((await call(listJobs, { "souk-service": "order" })).code, Code.UNAUTHENTICATED);
  t.is((await call(listJobs, { "souk-service": "user" })).code, Code.UNAVAILABLE);
  for (const headers of [{}, { "souk-service": "nobody" }]) {
    const { code, message } = await call(listJobs, headers);
    t.is(code, Code.INVALID_ARGUMENT);
    t.regex(message, /souk-service must name .*auth, user, product/);
  }
  t.is((await call("/grpc.health.v1.Health/Check")).code, Code.OK);
  t.deepEqual((await joinAsCaller(t, envoy.meshAddress)(Health).check({})).status, 1);
  const unknown = await call("/souk.order.v1.OrderService/Nonsense");
  t.is(unknown.code, Code.UNIMPLEMENTED);
  t.is(unknown.message, "no service of this mesh serves that method");
});

test("gRPC-Web reaches services through the mesh, over HTTP/1.1", async (t) => {
  const auth = await startTestService(
    t,
    serving(AuthService, { getKeySet: async () => ({ jwksJson: "{}" }) }),
  );
  const envoy = await startTestEnvoy(t, { auth: [auth] });
  if (envoy === undefined) return;
  const answer = await fetch(`http://${envoy.meshAddress}/souk.auth.v1.AuthService/GetKeySet`, {
    method: "POST",
    headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
    body: frame(),
  });
  t.is(answer.headers.get("content-type"), "application/grpc-web+proto");
  const body = Buffer.from(await answer.arrayBuffer());
  t.deepEqual(body.subarray(0, 9), Buffer.from([0, 0, 0, 0, 4, 0x0a, 2, 0x7b, 0x7d]));
  t.regex(body.subarray(9).toString("latin1"), /^\x80.{4}.*grpc-status:\s*0\r\n/s);
});

async function timed<T>(work: () => Promise<T>): Promise<{ answer: T; ms: number }> {
  const startedAt = performance.now();
  const answer = await work();
  return { answer, ms: performance.now() - startedAt };
}

async function refused(t: ExecutionContext, call: Promise<unknown>, code: Code): Promise<SoukError> {
  const error = (await t.throwsAsync(call)) as SoukError;
  t.true(error instanceof SoukError, String(error));
  t.is(error.code, code, error.message);
  return error;
}
