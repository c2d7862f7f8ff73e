import { once } from "node:events";
import test from "ava";
import { Code, type SoukError } from "#kit/error.ts";
import { streams } from "#kit/policy/streams.ts";
import type { Call, Interceptor } from "#kit/rpc/call.ts";
import { eventually } from "../eventually.ts";
import { type Echo, startEchoMesh } from "./echo-mesh.ts";

/** Says something, and then nothing until its caller is gone. */
async function* serverStream({ text }: Echo, { signal }: Call) {
  yield { text };
  if (text === "short") return;
  await once(signal, "abort");
}

for (const plane of ["direct", "local"] as const) {
  test(`${plane}: nobody from outside has more streams open than one may; one that ends makes room`, async (t) => {
    const limits = () => ({ streams: streams(2) });
    const mesh = await startEchoMesh(plane, { serverStream }, { caller: "gateway", limits });
    t.teardown(mesh.stop);
    const open = async (clientAddress: string, text = "") => {
      const stream = mesh.client({ clientAddress }).serverStream({ text })[Symbol.asyncIterator]();
      await stream.next();
      return stream;
    };
    const [first, second] = [await open("203.0.113.9"), await open("203.0.113.9")];
    const refusal = await t.throwsAsync<SoukError>(open("203.0.113.9"));
    t.deepEqual([refusal?.code, refusal?.reason], [Code.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS"]);
    t.deepEqual(refusal?.metadata, { limit: "2" });
    t.is((await mesh.client({ clientAddress: "203.0.113.9" }).unary({ text: "hi" })).text, "hi");
    const other = await open("203.0.113.10");

    await first?.return?.();
    const third = await eventually(() => open("203.0.113.9"));
    await t.throwsAsync(open("203.0.113.9"));
    for (const stream of [second, third, other]) await stream?.return?.();
    const short = await eventually(() => open("203.0.113.9", "short"));
    t.true((await short.next()).done);
    const again = [await eventually(() => open("203.0.113.9")), await eventually(() => open("203.0.113.9"))];
    for (const stream of again) await stream.return?.();
  });

  test(`${plane}: a stream whose time is up before its turn comes takes no room`, async (t) => {
    let isLate = true;
    const rate: Interceptor = (next) => async (call, request) => {
      if (isLate) await once(call.signal, "abort");
      return next(call, request);
    };
    const limits = () => ({ rate, streams: streams(1) });
    const mesh = await startEchoMesh(plane, { serverStream }, { caller: "gateway", limits });
    t.teardown(mesh.stop);
    const open = (deadline: number) =>
      mesh
        .client({ clientAddress: "203.0.113.9", deadline })
        .serverStream({ text: "hi" })
        [Symbol.asyncIterator]();
    const refusal = await t.throwsAsync<SoukError>(open(Date.now() + 100).next());
    t.is(refusal?.code, Code.DEADLINE_EXCEEDED);

    isLate = false;
    const stream = open(Date.now() + 30_000);
    t.is((await stream.next()).value?.text, "hi");
    await stream.return?.();
  });

  test(`${plane}: a service has any number of streams open`, async (t) => {
    const limits = () => ({ streams: streams(1) });
    const mesh = await startEchoMesh(plane, { serverStream }, { limits });
    t.teardown(mesh.stop);
    for (let opened = 0; opened < 3; opened++) {
      const stream = mesh.client().serverStream({ text: "hi" })[Symbol.asyncIterator]();
      t.is((await stream.next()).value?.text, "hi");
      t.teardown(() => stream.return?.());
    }
  });
}
