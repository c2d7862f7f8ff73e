import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { metrics } from "@opentelemetry/api";
import { pino } from "pino";
import { type AnswerCache, startAnswerCache } from "#kit/cache/answer-cache.ts";
import { createMemory } from "#kit/cache/memory.ts";
import type { OutgoingEvent } from "#kit/data/outbox.ts";
import { createSignal } from "#kit/data/signal.ts";
import { openEventBus } from "#kit/events/bus.ts";
import { definitionOf } from "#kit/rpc/grpc-server.ts";
import { asBuffer } from "#kit/rpc/status.ts";
import { echoContract } from "../mesh/echo-contract.ts";
import { startEchoMesh } from "../mesh/echo-mesh.ts";
import { startNats } from "../stores.ts";
import type { Figure } from "./figures.ts";

type EchoCache = Pick<Required<NonNullable<Parameters<typeof startEchoMesh>[2]>>, "cache" | "answers">;

/** How many calls are under way at a time. */
const CALLERS = 16;
const WARM_UP_MS = 1_500;
const MEASURE_MS = 4_000;

/**
 * What the kit costs: calls of a kit service beside those of a bare grpc-js server with the same handler,
 * and beside the same handler without a socket, one after the other in one process. They are counted by
 * the processor time that caller and service take together, so that what else runs here counts little.
 */
export async function kitCost(): Promise<Figure[]> {
  const bare = await measureBare();
  const direct = await measureKit("direct");
  const local = await measureKit("local");
  const cachedDirect = await measureHits("direct");
  const cachedLocal = await measureHits("local");
  return [
    { what: "bare grpc-js, calls a CPU second", value: bare },
    { what: "kit over gRPC, calls a CPU second", value: direct, ratio: direct / bare, goal: "0.8 of bare" },
    { what: "kit in process, calls a CPU second", value: local, ratio: local / bare },
    { what: "policies in process, us of CPU a call", value: 1e6 / local },
    { what: "kit beside bare grpc-js, us of CPU a call more", value: 1e6 / direct - 1e6 / bare },
    {
      what: "remembered answers over gRPC, calls a CPU second",
      value: cachedDirect,
      ratio: cachedDirect / bare,
    },
    { what: "remembered answers in process, us of CPU a call", value: 1e6 / cachedLocal },
  ];
}

async function measureKit(plane: "direct" | "local", cache?: EchoCache): Promise<number> {
  const mesh = await startEchoMesh(plane, {}, { ...cache });
  try {
    const client = mesh.client();
    return await callsPerCpuSecond(() => client.unary({ text: "hello", number: 42n }));
  } finally {
    await mesh.stop();
  }
}

/** The same with answers that are remembered, and events that would end their life. */
async function measureHits(plane: "direct" | "local"): Promise<number> {
  await using nats = await startNats();
  const log = pino({ level: "silent" });
  const bus = openEventBus({ url: nats.url, namespace: "bench", clientName: "bench", log });
  let answers: AnswerCache | undefined;
  try {
    return await measureKit(plane, {
      cache: { ttl: { seconds: 3_600n }, tags: ["text:{text}"] },
      answers(contract) {
        answers = startAnswerCache({
          service: "echo",
          contracts: [contract],
          events: [contract.file],
          memory: createMemory(2 ** 20),
          redis: undefined,
          bus,
          outbox: createSignal<readonly OutgoingEvent[]>(),
          meter: metrics.getMeter("bench"),
          log,
        });
        return answers;
      },
    });
  } finally {
    await answers?.stop();
    await bus.close();
  }
}

async function measureBare(): Promise<number> {
  const contract = echoContract();
  const method = contract.method["unary"] as (typeof contract.methods)[number];
  const server = new Server();
  server.addService(definitionOf([method]), {
    unary: ((call: { request: Buffer }, callback: (error: null, bytes: Buffer) => void) => {
      const { text, number } = fromBinary(method.input, call.request) as never;
      callback(null, asBuffer(toBinary(method.output, create(method.output, { text, number } as never))));
    }) as never,
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, it) =>
      error ? reject(error) : resolve(it),
    );
  });
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const pass = (bytes: Buffer) => bytes;
  const request = create(method.input, { text: "hello", number: 42n } as never);
  try {
    return await callsPerCpuSecond(
      () =>
        new Promise((resolve, reject) => {
          const bytes = asBuffer(toBinary(method.input, request));
          client.makeUnaryRequest("/souk.echo.v1.EchoService/Unary", pass, pass, bytes, (error, reply) =>
            error ? reject(error) : resolve(fromBinary(method.output, reply as Buffer)),
          );
        }),
    );
  } finally {
    client.close();
    server.forceShutdown();
  }
}

async function callsPerCpuSecond(call: () => Promise<unknown>): Promise<number> {
  await callFor(call, WARM_UP_MS);
  const before = process.cpuUsage();
  const calls = await callFor(call, MEASURE_MS);
  const { user, system } = process.cpuUsage(before);
  return (calls / (user + system)) * 1e6;
}

async function callFor(call: () => Promise<unknown>, ms: number): Promise<number> {
  const until = performance.now() + ms;
  let done = 0;
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (performance.now() < until) {
        await call();
        done++;
      }
    }),
  );
  return done;
}
