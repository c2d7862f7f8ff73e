import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import test, { type ExecutionContext } from "ava";
import { Code, codeName, SoukError } from "#kit/error.ts";
import type { AnswerHeaders } from "#kit/mesh/transport.ts";
import type { Call } from "#kit/rpc/call.ts";
import { eventually } from "../eventually.ts";
import { type EchoInit, startEchoMesh } from "./echo-mesh.ts";

for (const plane of ["direct", "local"] as const) {
  test(`${plane}: every kind of streaming carries its messages in order`, async (t) => {
    const mesh = await startEchoMesh(plane);
    t.teardown(mesh.stop);
    const client = mesh.client();

    const { text, number } = await client.unary({ text: "a", number: 9_007_199_254_740_993n });
    t.deepEqual([text, number], ["a", 9_007_199_254_740_993n]);
    t.is((await client.clientStream(texts("a", "b", "c"))).text, "abc");
    t.deepEqual(await collect(client.serverStream({ text: "x", number: 3n })), ["x0", "x1", "x2"]);
    t.deepEqual(await collect(client.bidiStream(texts("p", "q"))), ["p0", "q0"]);
  });

  test(`${plane}: a call ends when the policy's timeout passes, and the work behind it is told`, async (t) => {
    const told = Promise.withResolvers<void>();
    const mesh = await startEchoMesh(
      plane,
      {
        unary: async (_, { signal }) => {
          await once(signal, "abort");
          told.resolve();
          return {};
        },
      },
      { timeoutMs: 500 },
    );
    t.teardown(mesh.stop);
    // On a connection that stands, so that the call reaches the service in its time.
    await eventually(() => mesh.client().clientStream(texts()));
    await rejectsWith(t, mesh.client().unary({}), Code.DEADLINE_EXCEEDED);
    await told.promise;
    t.pass();
  });

  test(`${plane}: a caller's shorter deadline wins over the policy's`, async (t) => {
    const deadline = Promise.withResolvers<number>();
    const mesh = await startEchoMesh(plane, {
      unary: async (_, call) => {
        deadline.resolve(call.deadline);
        return {};
      },
    });
    t.teardown(mesh.stop);
    const latest = Date.now() + 20_000;
    await mesh.client({ deadline: latest - 100 }).unary({});
    t.true((await deadline.promise) <= latest);
  });

  test(`${plane}: what a service sends along reaches its caller, with an answer, an error and a stream`, async (t) => {
    const mesh = await startEchoMesh(plane, {
      async unary({ text }, { responseHeaders }) {
        responseHeaders.set("etag", text);
        if (text === "wrong") throw new SoukError(Code.NOT_FOUND, "not here");
        return {};
      },
      async *serverStream({ text }, { responseHeaders }) {
        responseHeaders.set("etag", text);
        yield {};
        throw new SoukError(Code.NOT_FOUND, "no more");
      },
    });
    t.teardown(mesh.stop);
    const told: unknown[] = [];
    const onHeaders = (headers: AnswerHeaders) => told.push(headers.get("etag"));
    const client = mesh.client();
    await client.unary({ text: "right" }, { onHeaders });
    await rejectsWith(t, client.unary({ text: "wrong" }, { onHeaders }), Code.NOT_FOUND);
    t.deepEqual(told, ["right", "wrong"]);
    const stream = client.serverStream({ text: "stream" }, { onHeaders })[Symbol.asyncIterator]();
    await stream.next();
    t.is(told.at(-1), "stream", "before the first message is given");
    await rejectsWith(t, stream.next(), Code.NOT_FOUND);
  });

  test(`${plane}: the address of who calls from outside is believed from the gateway alone`, async (t) => {
    for (const [caller, believed] of [
      ["gateway", "203.0.113.9"],
      ["caller", undefined],
    ] as const) {
      const seen: unknown[] = [];
      const unary = async (_: unknown, { clientAddress }: Call) => {
        seen.push(clientAddress);
        return {};
      };
      const mesh = await startEchoMesh(plane, { unary }, { caller });
      t.teardown(mesh.stop);
      await mesh.client({ clientAddress: "203.0.113.9" }).unary({});
      await mesh.client().unary({});
      t.deepEqual(seen, [believed, undefined]);
    }
  });

  test(`${plane}: a caller that hangs up stops the work behind it`, async (t) => {
    const begun = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    const mesh = await startEchoMesh(plane, {
      async unary(_, { signal }) {
        begun.resolve();
        await once(signal, "abort");
        stopped.resolve();
        return {};
      },
    });
    t.teardown(mesh.stop);
    const hangUp = new AbortController();
    const call = mesh.client().unary({}, { signal: hangUp.signal });
    call.catch(() => {});
    await begun.promise;
    hangUp.abort();
    await stopped.promise;
    await t.throwsAsync(call);
  });

  test(`${plane}: a stream that is left stops the work behind it`, async (t) => {
    const stopped = Promise.withResolvers<void>();
    const mesh = await startEchoMesh(plane, {
      async *serverStream(_, { signal }) {
        signal.addEventListener("abort", () => stopped.resolve());
        for (let number = 0n; !signal.aborted; number++) yield { number };
      },
    });
    t.teardown(mesh.stop);
    for await (const { number } of mesh.client().serverStream({})) if (number === 5n) break;
    await stopped.promise;
    t.pass();
  });

  test(`${plane}: an upload that is cut never looks complete to its handler`, async (t) => {
    const ends: string[] = [];
    let reached = Promise.withResolvers<void>();
    const read = async (requests: AsyncIterable<unknown>) => {
      try {
        for await (const _ of requests) reached.resolve();
        ends.push("complete");
      } catch (error) {
        ends.push(error instanceof SoukError ? codeName(error.code) : String(error));
        throw error;
      }
    };
    const mesh = await startEchoMesh(plane, {
      async clientStream(requests) {
        await read(requests);
        return {};
      },
      async *bidiStream(requests) {
        await read(requests);
        yield {};
      },
    });
    t.teardown(mesh.stop);
    for (let round = 0; round < 50; round++) {
      const client = mesh.client();
      reached = Promise.withResolvers();
      const hangUp = new AbortController();
      async function* upload() {
        yield { text: "the first part" };
        await Promise.withResolvers<never>().promise;
      }
      const call =
        round % 2 === 0
          ? client.clientStream(upload(), { signal: hangUp.signal })
          : collect(client.bidiStream(upload(), { signal: hangUp.signal }));
      call.catch(() => {});
      await reached.promise;
      hangUp.abort();
      await eventually(() => assert.equal(ends.length, round + 1));
    }
    t.deepEqual(new Set(ends), new Set(["CANCELLED"]));
  });

  test(`${plane}: a handler that throws anything answers INTERNAL without internals`, async (t) => {
    const mesh = await startEchoMesh(plane, {
      unary: async () => {
        throw new TypeError("secret stack");
      },
    });
    t.teardown(mesh.stop);
    const error = await rejectsWith(t, mesh.client().unary({}), Code.INTERNAL);
    t.false(error.message.includes("secret"));
    t.is(error.reason, "UNEXPECTED");
  });
}

test("bytes that are no message are the caller's mistake", async (t) => {
  const mesh = await startEchoMesh("direct");
  t.teardown(mesh.stop);
  const { Client, credentials } = await import("@grpc/grpc-js");
  const client = new Client(mesh.address, credentials.createInsecure());
  t.teardown(() => client.close());
  for (const bytes of [Buffer.from([0xff, 0xff]), Buffer.from([0x0a, 0x02, 0xc3, 0x28])]) {
    const code = await new Promise((resolve) => {
      client.makeUnaryRequest(
        "/souk.echo.v1.EchoService/Unary",
        (it: Buffer) => it,
        (it: Buffer) => it,
        bytes,
        (error) => resolve(error?.code),
      );
    });
    t.is(code, Code.INVALID_ARGUMENT);
  }
});

test("garbage on the port leaves the server serving", async (t) => {
  const mesh = await startEchoMesh("direct");
  t.teardown(mesh.stop);
  const [host, port] = mesh.address.split(":");
  const socket = connect(Number(port), host);
  socket.on("error", () => {});
  // What the server says to it is read, or the socket would never come to its end.
  socket.resume();
  socket.end("GET / HTTP/1.0\r\n\r\n");
  await once(socket, "close");
  t.is((await mesh.client().unary({ text: "still" })).text, "still");
});

async function* texts(...all: string[]): AsyncIterable<EchoInit> {
  for (const text of all) yield { text };
}

async function collect(stream: AsyncIterable<{ text: string; number: bigint }>): Promise<string[]> {
  const all: string[] = [];
  for await (const { text, number } of stream) all.push(`${text}${number}`);
  return all;
}

async function rejectsWith(t: ExecutionContext, call: Promise<unknown>, code: Code): Promise<SoukError> {
  const error = (await t.throwsAsync(call)) as SoukError;
  t.true(error instanceof SoukError, String(error));
  t.is(error.code, code);
  return error;
}
