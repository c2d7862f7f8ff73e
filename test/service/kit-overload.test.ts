import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect, constants } from "node:http2";
import test, { type ExecutionContext } from "ava";
import { RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { Health } from "#gen/health/v1/health_pb.ts";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { methodName } from "#kit/contract.ts";
import { Code, detailOf, type SoukError } from "#kit/error.ts";
import { createLoadLimit, type LoadLimit } from "#kit/policy/load-limit.ts";
import { overload } from "#kit/policy/overload.ts";
import { defineService } from "#kit/service.ts";
import { gateway } from "../../services/gateway/program.ts";
import { eventually } from "../eventually.ts";
import { startEchoMesh } from "../mesh/echo-mesh.ts";
import { rawCall } from "../mesh/envoy-raw-call.ts";
import { serving } from "../mesh/envoy-service.ts";
import { startTestMesh, testClient } from "../mesh.ts";
import { counter, migrations } from "./kit-bench.ts";

const MOST = 20;
const CALLS = 200;

function limited(t: ExecutionContext, most: number): LoadLimit {
  const limit = createLoadLimit(most);
  t.teardown(() => limit.stop());
  return limit;
}

/** A door that all who come wait before until it is opened. */
function door() {
  const opened = Promise.withResolvers<void>();
  const state = { waiting: 0, most: 0 };
  return {
    state,
    open: () => opened.resolve(),
    async pass() {
      state.waiting++;
      state.most = Math.max(state.most, state.waiting);
      await opened.promise;
      state.waiting--;
    },
  };
}

function outcomes(settled: readonly PromiseSettledResult<unknown>[]) {
  const refusals = settled.flatMap((it) => (it.status === "rejected" ? [it.reason as SoukError] : []));
  return { answered: settled.length - refusals.length, refusals };
}

for (const plane of ["direct", "local"] as const) {
  test(`${plane}: no more calls are worked on than may be, the others are told at once when to come again`, async (t) => {
    const { state, open, pass } = door();
    const limit = limited(t, MOST);
    const mesh = await startEchoMesh(
      plane,
      {
        async unary() {
          await pass();
          return {};
        },
      },
      { timeoutMs: 30_000, limits: (authenticator) => ({ overload: overload(limit, authenticator) }) },
    );
    t.teardown(mesh.stop);
    const client = plane === "direct" ? mesh.clientAt(mesh.address) : mesh.client();
    const calls = Promise.allSettled(Array.from({ length: CALLS }, () => client.unary({})));
    // Those who wait are turned away after a moment; whoever has a place keeps it. Callers here are services.
    const places = MOST + MOST / 4;
    await eventually(() => {
      const { inside, outside } = limit.report().shed;
      assert.equal(inside + outside, CALLS - places);
    });
    t.is(state.most, places);
    open();
    const { answered, refusals } = outcomes(await calls);
    t.is(answered, places);
    for (const error of refusals) {
      t.deepEqual([error.code, error.reason], [Code.UNAVAILABLE, "OVERLOADED"]);
      t.truthy(detailOf(error, RetryInfoSchema)?.retryDelay);
    }
    await client.unary({});
    t.is(limit.report().underWay, 0);
  });
}

test("who would find no place is told so before anything is made of the call, and what is made already counts", async (t) => {
  const limit = limited(t, MOST);
  const letIn = () => {
    let count = 0;
    while (limit.refuse("outside") === undefined) count++;
    return count;
  };
  const free = letIn();
  t.true(free >= MOST);
  t.is(letIn(), 0, "those who were let in are on their way");
  await new Promise((resolve) => setImmediate(resolve));
  t.is(letIn(), free, "those who did not come are not waited for");
  await new Promise((resolve) => setImmediate(resolve));
  for (let n = 0; n < MOST; n++) {
    t.is(limit.refuse("outside"), undefined);
    t.is(limit.enter("outside"), undefined);
  }
  t.is(letIn(), free - MOST, "who was let in and came counts once");
  t.is(limit.refuse("inside"), undefined, "some places are for those inside");
  t.is(limit.report().shed.outside, 4);
});

test("direct: calls of every kind are turned away while there is no place, and the connection stays", async (t) => {
  const { state, open, pass } = door();
  const limit = limited(t, 1);
  const mesh = await startEchoMesh(
    "direct",
    {
      async unary() {
        await pass();
        return {};
      },
    },
    { timeoutMs: 30_000, limits: (authenticator) => ({ overload: overload(limit, authenticator) }) },
  );
  t.teardown(mesh.stop);
  const client = mesh.clientAt(mesh.address);
  const working = [client.unary({}), client.unary({})];
  await eventually(() => assert.equal(state.waiting, working.length));
  async function* words() {
    for (let word = 0; word < 1_000; word++) yield { text: "word ".repeat(100) };
  }
  // More of them come first than may wait.
  const { answered, refusals } = outcomes(
    await Promise.allSettled([
      ...Array.from({ length: 50 }, () => client.unary({})),
      client.clientStream(words()),
      client.serverStream({ number: 3n })[Symbol.asyncIterator]().next(),
      client.bidiStream(words())[Symbol.asyncIterator]().next(),
    ]),
  );
  t.is(answered, 0);
  t.deepEqual(new Set(refusals.map(({ code, reason }) => `${code} ${reason}`)), new Set(["14 OVERLOADED"]));
  await hangUpAtOnce(mesh.address, mesh.contract.methods.map(methodName));
  open();
  await Promise.all(working);
  let text = "";
  for await (const answer of client.bidiStream(words())) text += answer.text;
  t.is(text.length, 500_000);
});

test("new work from outside is turned away before work that is under way inside", async (t) => {
  const limit = limited(t, MOST);
  for (let n = 0; n < MOST; n++) t.is(limit.enter("outside"), undefined);
  const outside = limit.enter("outside");
  t.true(outside instanceof Promise);
  for (let n = 0; n < MOST / 4; n++)
    t.is(limit.enter("inside"), undefined, "some places are for those inside");
  const inside = limit.enter("inside");
  t.true(inside instanceof Promise);
  // A place that is free goes to the one inside, although the one outside has waited for longer.
  limit.leave(limit, undefined);
  await inside;
  const error = (await t.throwsAsync(outside as Promise<void>)) as SoukError;
  t.is(error.reason, "OVERLOADED");
  t.deepEqual(limit.report().shed, { inside: 0, outside: 1 });
});

test("the limit falls while calls slow each other down, and rises when they do no more", async (t) => {
  const limit = limited(t, 1_000);
  const kind = {};
  const first = limit.report().limit;
  /** Lets many calls at a time take so long. */
  async function work(tookMs: number, until: () => boolean): Promise<void> {
    await eventually(() => {
      const many = Math.ceil(limit.report().limit);
      const entered = Array.from({ length: many }, () => limit.enter("outside"));
      for (const it of entered) if (it === undefined) limit.leave(kind, tookMs);
      assert.ok(until());
    });
  }
  await work(10, () => limit.report().limit > first);
  const before = limit.report().limit;
  await work(500, () => limit.report().limit < before / 4);
  const least = limit.report().limit;
  await work(10, () => limit.report().limit > least * 2);
  t.pass();
});

test("a service and the gateway under a flood answer for their health, and operators, in every protocol", async (t) => {
  const { state, open, pass } = door();
  const order = defineService({
    name: "order",
    port: 0,
    settings: {},
    data: { entities: [counter], migrations },
    serve: () => [
      serving(CheckoutService, {
        async completePayment() {
          await pass();
          return {};
        },
      }),
    ],
  });
  const mesh = await startTestMesh(t, [order, gateway], { env: { SOUK_MAX_CALLS: String(MOST) } });
  t.teardown(async () => open());
  const port = mesh.port("gateway", "http");
  const path = "/souk.order.v1.CheckoutService/CompletePayment";
  const body = { orderId: "018f6b1c-7c8e-7d0a-8a53-6f0a4f2f7e11" };
  const answered: (number | undefined)[] = [];
  const flood = Array.from({ length: CALLS }, async () => {
    const { status } = await post(port, path, body);
    answered.push(status);
  });
  await eventually(() => assert.equal(state.waiting, MOST));

  await eventually(() => assert.deepEqual(answered, Array(CALLS - MOST).fill(503)));
  const { status, headers, answer } = await post(port, path, body);
  t.deepEqual([status, answer.code], [503, "unavailable"]);
  t.regex(headers["retry-after"] ?? "", /^[1-9]$/);
  const { type, debug } = answer.details?.[0] ?? {};
  t.deepEqual([type, debug], ["google.rpc.ErrorInfo", { reason: "OVERLOADED", domain: "souk.mesh.v1" }]);
  const grpc = await rawCall(t, `127.0.0.1:${port}`, path);
  t.is(grpc.code, Code.UNAVAILABLE);
  t.is(grpc.headers["grpc-retry-pushback-ms"], "-1");
  // A service that is called by nobody's leave turns away as well.
  const direct = testClient(
    t,
    `127.0.0.1:${mesh.port("order")}`,
    CheckoutService,
    { accessToken: "" },
    mesh.env,
  );
  t.is(((await t.throwsAsync(direct.completePayment(body))) as SoukError).reason, "OVERLOADED");

  t.is((await mesh.at(Health, "order").check({})).status, 1);
  t.is((await rawCall(t, `127.0.0.1:${port}`, "/grpc.health.v1.Health/Check")).code, Code.OK);
  for (const [program, purpose] of [
    ["order", "operations"],
    ["gateway", "operations"],
  ] as const) {
    const url = `http://127.0.0.1:${mesh.port(program, purpose)}`;
    await eventually(async () => assert.equal((await fetch(`${url}/health/ready`)).status, 200, program));
    t.regex(await (await fetch(`${url}/metrics`)).text(), /souk_load_shed_total\{[^}]*\} [1-9]/);
  }
  open();
  await Promise.all(flood);
  t.is(answered.filter((status) => status === 200).length, MOST);
});

/** Begins calls and cancels them as soon as they are on their way. */
async function hangUpAtOnce(address: string, methods: readonly string[]): Promise<void> {
  const session = connect(`http://${address}`);
  const headers = { ":method": "POST", "content-type": "application/grpc", te: "trailers" };
  const closed = Array.from({ length: 100 }, (_, at) => {
    const stream = session.request({ ...headers, ":path": `/${methods[at % methods.length]}` });
    stream.on("error", () => {});
    setImmediate(() => stream.close(constants.NGHTTP2_CANCEL));
    return once(stream, "close");
  });
  await Promise.all(closed);
  session.close();
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Record<string, string | undefined>;
  readonly answer: { code?: string; details?: { type: string; debug: unknown }[] };
}

/** Each on a connection of its own. */
function post(port: number, path: string, body: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      method: "POST",
      agent: false,
      headers: { "content-type": "application/json" },
    } as const;
    const request = httpRequest(`http://127.0.0.1:${port}${path}`, options, async (response) => {
      let text = "";
      for await (const chunk of response) text += chunk;
      resolve({
        status: response.statusCode,
        headers: response.headers as never,
        answer: text === "" ? {} : JSON.parse(text),
      });
    });
    request.on("error", reject);
    request.end(JSON.stringify(body));
  });
}
