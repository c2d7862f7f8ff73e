import { generateKeyPairSync, randomUUID } from "node:crypto";
import type { DescService, Message, MessageInitShape } from "@bufbuild/protobuf";
import { metrics, trace } from "@opentelemetry/api";
import { pino } from "pino";
import type { CacheSchema } from "#gen/souk/mesh/v1/policy_pb.ts";
import type { AnswerCache } from "#kit/cache/answer-cache.ts";
import { healthService } from "#kit/health/health-service.ts";
import { createReadiness } from "#kit/health/readiness.ts";
import { type Authenticator, createAuthenticator } from "#kit/identity/authenticator.ts";
import { serviceTokens } from "#kit/identity/service-token.ts";
import { createBreakers } from "#kit/mesh/breakers.ts";
import type { CallOptions } from "#kit/mesh/client.ts";
import { createCaller, createMesh } from "#kit/mesh/create-mesh.ts";
import { grpcTransport } from "#kit/mesh/grpc-transport.ts";
import type { Member } from "#kit/mesh/join-mesh.ts";
import { localTransport } from "#kit/mesh/local-transport.ts";
import { serviceConfig } from "#kit/mesh/service-config.ts";
import type { Transport } from "#kit/mesh/transport.ts";
import type { Call } from "#kit/rpc/call.ts";
import { createDispatcher, type DispatchOptions } from "#kit/rpc/dispatch.ts";
import { startGrpcServer } from "#kit/rpc/grpc-server.ts";
import { implement } from "#kit/rpc/implement.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import type { Scope } from "#kit/scope.ts";
import { type EchoPolicy, echoContract } from "./echo-contract.ts";

/** A message of the echo contract. */
export type Echo = Message & { text: string; number: bigint };
/** A message of the echo contract as a caller writes it. */
export type EchoInit = Partial<Pick<Echo, "text" | "number">>;

/** What serves the echo contract in a test. */
export interface EchoHandlers {
  unary(request: Echo, call: Call): Promise<EchoInit>;
  clientStream(requests: AsyncIterable<Echo>, call: Call): Promise<EchoInit>;
  serverStream(request: Echo, call: Call): AsyncIterable<EchoInit>;
  bidiStream(requests: AsyncIterable<Echo>, call: Call): AsyncIterable<EchoInit>;
}

/** A client of the echo contract. */
export interface EchoClient {
  unary(request: EchoInit, options?: CallOptions): Promise<Echo>;
  clientStream(requests: AsyncIterable<EchoInit>, options?: CallOptions): Promise<Echo>;
  serverStream(request: EchoInit, options?: CallOptions): AsyncIterable<Echo>;
  bidiStream(requests: AsyncIterable<EchoInit>, options?: CallOptions): AsyncIterable<Echo>;
}

/** How an echo mesh differs from the usual. */
export interface EchoMeshOptions {
  /** The timeout of each method, in ms. */
  readonly timeoutMs?: number;
  readonly policy?: EchoPolicy;
  readonly breakerResetMs?: number;
  /** The name of the caller. */
  readonly caller?: string;
  /** How answers of the unary method are remembered, and where. */
  readonly cache?: MessageInitShape<typeof CacheSchema>;
  readonly answers?: (contract: DescService) => AnswerCache;
  /** Makes the policies that limit how much is taken, for each replica; nothing is limited otherwise. */
  readonly limits?: (authenticator: Authenticator) => Pick<DispatchOptions, "overload" | "rate" | "streams">;
  /** What serves more replicas, on data plane `direct`. */
  readonly replicas?: readonly Partial<EchoHandlers>[];
}

/** A mesh of one echo service and one caller. */
export interface EchoMesh {
  readonly contract: DescService;
  /** Where the service listens; empty on data plane `local`. */
  readonly address: string;
  /** Where each of its replicas listens. */
  readonly addresses: readonly string[];
  client(scope?: Partial<Scope>): EchoClient;
  /** The caller's place in the mesh. */
  readonly member: Member;
  /** A client whose calls go by another way: to what listens at an address, as "host:port". */
  clientAt(address: string): EchoClient;
  breakers: ReturnType<typeof createBreakers>;
  stop(): Promise<void>;
}

const ECHO: EchoHandlers = {
  unary: async ({ text, number }) => ({ text, number }),
  async clientStream(requests) {
    let text = "";
    for await (const request of requests) text += request.text;
    return { text };
  },
  async *serverStream({ text, number }) {
    for (let index = 0n; index < number; index++) yield { text, number: index };
  },
  async *bidiStream(requests) {
    for await (const { text, number } of requests) yield { text, number };
  },
};

/**
 * Starts a mesh of one echo service and one caller.
 *
 * @param plane `direct` is gRPC over loopback, `local` this process
 * @param handlers what differs from a plain echo
 * @param options how it differs from the usual
 */
export async function startEchoMesh(
  plane: "direct" | "local",
  handlers: Partial<EchoHandlers> = {},
  options: EchoMeshOptions = {},
): Promise<EchoMesh> {
  const contract = echoContract(options.timeoutMs, options.cache, options.policy);
  const kid = options.caller ?? "caller";
  const log = pino({ level: "silent" });
  const telemetry = { tracer: trace.getTracer("echo"), meter: metrics.getMeter("echo") };
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const authenticator = createAuthenticator(
    [{ ...publicKey.export({ format: "jwk" }), kid }],
    async () => undefined,
    {
      async resolve() {
        throw new Error("no user calls here");
      },
      onNews: () => () => {},
    },
  );
  const common = {
    log,
    telemetry,
    authenticator,
    mesh: () => {
      throw new Error("the echo service calls nobody");
    },
    ...(options.answers && { answers: options.answers(contract) }),
  };
  const dispatchers = [handlers, ...(options.replicas ?? [])].map((own) =>
    createDispatcher([implement(contract, { ...ECHO, ...own } as never)], {
      ...common,
      ...options.limits?.(authenticator),
    }),
  );
  const health = createDispatcher([healthService(createReadiness([]), [contract.typeName])], common);
  const servers =
    plane === "direct"
      ? await Promise.all(dispatchers.map((it) => startGrpcServer([it, health], "127.0.0.1", 0)))
      : [];
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  const transport =
    plane === "direct"
      ? grpcTransport((it) => ({ target: `ipv4:${addresses.join()}`, serviceConfig: serviceConfig(it) }))
      : localTransport(() => dispatchers[0]);
  const others: Transport[] = [];
  const breakers = createBreakers({ resetMs: options.breakerResetMs ?? 30_000 }, telemetry.meter);
  const token = serviceTokens(kid, { ...privateKey.export({ format: "jwk" }), kid });
  const mesh = createMesh(transport, breakers, token);
  const call = createCaller(transport, breakers, token);
  const scopes = rootScopes(log, mesh);
  const root = () => scopes({ requestId: randomUUID(), timeoutMs: 30_000 });
  return {
    contract,
    address: addresses[0] ?? "",
    addresses,
    breakers,
    member: { name: kid, log, telemetry, authenticator, breakers, mesh, call, leave: () => {} },
    client: (scope = {}) => mesh({ ...root(), ...scope }, contract) as unknown as EchoClient,
    clientAt(address) {
      const other = grpcTransport(() => ({ target: `ipv4:${address}` }));
      others.push(other);
      const unguarded = { guard: <T>(_: unknown, run: () => Promise<T>) => run() };
      return createMesh(other, unguarded, token)(root(), contract) as unknown as EchoClient;
    },
    async stop() {
      for (const it of [transport, ...others]) it.close();
      breakers.stop();
      await Promise.all(servers.map((it) => it.stop(1_000)));
    },
  };
}
