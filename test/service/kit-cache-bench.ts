import assert from "node:assert/strict";
import type { DescMessage, DescService, MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, type Metadata } from "@grpc/grpc-js";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import type { CacheSchema } from "#gen/souk/mesh/v1/policy_pb.ts";
import { startAnswerCache } from "#kit/cache/answer-cache.ts";
import { createMemory } from "#kit/cache/memory.ts";
import { startRelay } from "#kit/events/relay.ts";
import { connectRedis } from "#kit/redis.ts";
import { asBuffer } from "#kit/rpc/status.ts";
import { eventually } from "../eventually.ts";
import { type EchoHandlers, type EchoMesh, startEchoMesh } from "../mesh/echo-mesh.ts";
import { PATIENT_MS } from "../mesh.ts";
import { type Teardown, testStores } from "../stores.ts";
import { add, type BenchDatabase, callScope, makeDatabase, openBench, silent, totalOf } from "./kit-bench.ts";
import { freshNamespace, openTestBus } from "./kit-events-bench.ts";

/** How a replica differs from the usual. */
export interface ReplicaOptions {
  readonly natsUrl?: string;
  readonly redisUrl?: string | undefined;
  readonly memoryBytes?: number;
  readonly plane?: "direct" | "local";
  readonly unary?: EchoHandlers["unary"];
}

/** A replica of a service whose one method says what counter a text has. */
export interface Replica {
  readonly mesh: EchoMesh;
  readonly db: BenchDatabase;
  /** The counter of a text, by whatever way. */
  read(text: string): Promise<bigint>;
  /** The answer as it comes over the wire, to somebody who is nobody. */
  ask(text: string): Promise<RawAnswer>;
  /** Adds to the counter of a text and tells of it. */
  change(text: string): Promise<void>;
  /** How many answers the handler gave. */
  loads(): number;
  /** What it measured of its cache: "hit", "miss" and "stale" answers, "bytes", whether it hears the "feed". */
  metrics(): Promise<ReadonlyMap<string, number>>;
}

/** An answer as it comes over the wire. */
export interface RawAnswer {
  readonly bytes: Buffer;
  readonly number: bigint;
  readonly headers: Metadata;
}

/** Replicas on one database, one stream of events and one Redis. */
export interface Bench {
  replica(options?: ReplicaOptions): Promise<Replica>;
}

/** What is measured, with what it is measured by, and how much. */
const MEASURED = /^souk_cache_(\w+)\{(?:.*how="(\w+)")?.*\} (\d+)/gm;

/** Answers of an hour, one for each text. */
export const HOUR = { ttl: { seconds: 3_600n }, tags: ["text:{text}"] };

/**
 * Prepares a place for replicas.
 *
 * @param t the test after which they stop
 * @param cache how their answers are remembered
 * @param natsUrl where the relay publishes; the shared NATS when left out
 */
export async function openCacheBench(
  t: Teardown,
  cache: MessageInitShape<typeof CacheSchema> = HOUR,
  natsUrl?: string,
): Promise<Bench> {
  const stores = await testStores();
  const relayUrl = natsUrl ?? stores.natsUrl;
  const namespace = freshNamespace();
  const url = await makeDatabase(t);

  async function replica(options: ReplicaOptions = {}): Promise<Replica> {
    const { redisUrl, memoryBytes = 2 ** 20, plane = "direct" } = options;
    const db = openBench(t, url);
    const bus = openTestBus(t, options.natsUrl ?? relayUrl, namespace);
    const relayBus = openTestBus(t, relayUrl, namespace);
    const relay = startRelay({ url, service: "echo", bus: relayBus, outbox: db.outbox, log: silent });
    t.teardown(() => relay.stop());
    const reader = new PrometheusExporter({ preventServerStart: true });
    const meter = new MeterProvider({ readers: [reader] }).getMeter("echo");
    const redis = redisUrl === undefined ? undefined : connectRedis(redisUrl, PATIENT_MS, silent);
    if (redis !== undefined) {
      t.teardown(async () => redis.disconnect());
      // Then it is known whether it is there.
      await new Promise((known) => redis.once("ready", known).once("close", known));
    }
    let loads = 0;
    const read: EchoHandlers["unary"] = async ({ text }) => ({ text, number: await totalOf(db, text) });
    const unary: EchoHandlers["unary"] = (request, call) => {
      loads++;
      return (options.unary ?? read)(request, call);
    };
    const answersOf = (contract: DescService) => {
      const answers = startAnswerCache({
        service: "echo",
        contracts: [contract],
        events: [contract.file],
        memory: createMemory(memoryBytes),
        redis,
        bus,
        outbox: db.outbox,
        meter,
        log: silent,
      });
      t.teardown(() => answers.stop());
      return answers;
    };
    const mesh = await startEchoMesh(plane, { unary }, { cache, answers: answersOf });
    t.teardown(mesh.stop);
    const changed = mesh.contract.file.messages.find(({ name }) => name === "TextChanged") as DescMessage;
    const made: Replica = {
      mesh,
      db,
      read: async (text) => (await mesh.client().unary({ text })).number,
      ask: (text) => ask(t, mesh, text),
      change: (text) =>
        db.write(callScope(), async (tx) => {
          await add(tx as never, text);
          tx.emit(changed, { text } as never);
        }),
      loads: () => loads,
      async metrics() {
        const { resourceMetrics } = await reader.collect();
        const text = new PrometheusSerializer().serialize(resourceMetrics);
        return new Map(
          text.matchAll(MEASURED).map(([, name, how, value]) => [how ?? name ?? "", Number(value)]),
        );
      },
    };
    if (cache.tags !== undefined) await hearing([made]);
    return made;
  }
  return { replica };
}

function ask(t: Teardown, { address, contract }: EchoMesh, text: string): Promise<RawAnswer> {
  const client = new Client(address, credentials.createInsecure());
  t.teardown(async () => client.close());
  const { input, output } = contract.method["unary"] as (typeof contract.methods)[number];
  const request = asBuffer(toBinary(input, create(input, { text } as never)));
  const pass = (bytes: Buffer) => bytes;
  return new Promise((resolve, reject) => {
    let headers: Metadata;
    client
      .makeUnaryRequest("/souk.echo.v1.EchoService/Unary", pass, pass, request, (error, bytes) => {
        if (error !== null) return reject(error);
        const { number } = fromBinary(output, bytes as Buffer) as never as { number: bigint };
        resolve({ bytes: bytes as Buffer, number, headers });
      })
      .on("metadata", (it) => {
        headers = it;
      });
  });
}

/**
 * Waits until replicas hear of changes, or do no longer.
 *
 * @param replicas the replicas
 * @param expected 1 or 0
 */
export async function hearing(replicas: readonly Replica[], expected = 1): Promise<void> {
  for (const { metrics } of replicas) {
    await eventually(async () => assert.equal((await metrics()).get("feed"), expected));
  }
}
