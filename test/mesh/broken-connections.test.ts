import { once } from "node:events";
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import test, { type ExecutionContext } from "ava";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { Code, SoukError } from "#kit/error.ts";
import { pickFreePort } from "../../deploy/local/ports.ts";
import { eventually } from "../eventually.ts";
import { joinAsCaller, serving, startService } from "./envoy-service.ts";

const ID = "018f6b1c-7c8e-7d0a-8a53-6f0a4f2f7e11";
const [NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL] = [0, 1, 2, 7, 8];

/** Fewer than open a breaker. */
const CALLS = 8;

/** How a call ends that a server takes and then leaves without a status. */
const ENDINGS: Record<string, (stream: ServerHttp2Stream, session: ServerHttp2Session) => void> = {
  "its process dies": (_, session) => session.socket.destroy(),
  "its session is destroyed": (_, session) => session.destroy(),
  "its session is destroyed with an error": (_, session) => session.destroy(undefined, INTERNAL_ERROR),
  "its session goes away for a mistake": (_, session) => {
    session.goaway(PROTOCOL_ERROR);
    session.destroy();
  },
  "the stream is reset": (stream) => stream.close(INTERNAL_ERROR),
  "the stream is refused": (stream) => stream.close(REFUSED_STREAM),
  "the stream is cancelled": (stream) => stream.close(CANCEL),
  "the stream ends": (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.end();
  },
  "the stream ends without headers": (stream) => stream.close(NO_ERROR),
};

for (const [what, end] of Object.entries(ENDINGS)) {
  test(`a call is UNAVAILABLE to who made it when ${what}`, async (t) => {
    const caller = joinAsCaller(t, await startBreaking(t, end));
    const unary = await failure(t, caller(CheckoutService).completePayment({ orderId: ID }));
    t.is(unary.code, Code.UNAVAILABLE, unary.message);
    const watched = caller(OrderService).watchOrder({ id: ID })[Symbol.asyncIterator]();
    const stream = await failure(t, watched.next());
    t.is(stream.code, Code.UNAVAILABLE, stream.message);
  });
}

test("what a service says of itself reaches its caller as it is", async (t) => {
  const codes = [Code.INTERNAL, Code.UNKNOWN, Code.CANCELLED];
  const failing = serving(CheckoutService, {
    completePayment: async () => {
      throw new SoukError(codes[0] as Code, "as told");
    },
  });
  const { port, stop } = await startService([failing]);
  t.teardown(() => stop(0));
  const client = joinAsCaller(t, `127.0.0.1:${port}`)(CheckoutService);
  for (; codes.length > 0; codes.shift()) {
    const { code, message } = await failure(t, client.completePayment({ orderId: ID }));
    t.deepEqual([code, message], [codes[0], "as told"]);
  }
});

test("a service that is cut short in the middle of calls leaves its callers with UNAVAILABLE, and they find the next one", async (t) => {
  let arrived = 0;
  const all = Promise.withResolvers<void>();
  const over = Promise.withResolvers<Record<string, never>>();
  t.teardown(() => over.resolve({}));
  const hanging = serving(CheckoutService, {
    completePayment: () => {
      if (++arrived === CALLS) all.resolve();
      return over.promise;
    },
  });
  const first = await startService([hanging], await pickFreePort());
  const client = joinAsCaller(t, `127.0.0.1:${first.port}`)(CheckoutService);
  const calls = Array.from({ length: CALLS }, () => failure(t, client.completePayment({ orderId: ID })));
  await all.promise;
  await first.stop(0);
  for (const { code, message } of await Promise.all(calls)) t.is(code, Code.UNAVAILABLE, message);

  const sound = serving(CheckoutService, { completePayment: async () => ({ order: { id: ID } }) });
  const next = await startService([sound], first.port);
  t.teardown(() => next.stop(0));
  const { order } = await eventually(() => client.completePayment({ orderId: ID }));
  t.is(order?.id, ID);
});

async function startBreaking(
  t: ExecutionContext,
  end: (stream: ServerHttp2Stream, session: ServerHttp2Session) => void,
): Promise<string> {
  const server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
  });
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    end(stream, stream.session as ServerHttp2Session);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function failure(t: ExecutionContext, call: Promise<unknown>): Promise<SoukError> {
  const error = (await t.throwsAsync(call)) as SoukError;
  t.true(error instanceof SoukError, String(error));
  return error;
}
