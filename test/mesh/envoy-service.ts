import { generateKeyPairSync, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import type { DescService } from "@bufbuild/protobuf";
import { metrics, trace } from "@opentelemetry/api";
import type { ExecutionContext } from "ava";
import jwt from "jsonwebtoken";
import { pino } from "pino";
import { healthService } from "#kit/health/health-service.ts";
import { createReadiness } from "#kit/health/readiness.ts";
import { createAuthenticator, USER_TOKEN } from "#kit/identity/authenticator.ts";
import { serviceTokens } from "#kit/identity/service-token.ts";
import { createBreakers } from "#kit/mesh/breakers.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import { createMesh } from "#kit/mesh/create-mesh.ts";
import { grpcTransport } from "#kit/mesh/grpc-transport.ts";
import { createDispatcher } from "#kit/rpc/dispatch.ts";
import { startGrpcServer } from "#kit/rpc/grpc-server.ts";
import { type Implementation, type Implemented, implement } from "#kit/rpc/implement.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import type { Scope } from "#kit/scope.ts";

const log = pino({ level: "silent" });
const telemetry = { tracer: trace.getTracer("test"), meter: metrics.getMeter("test") };
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const authenticator = createAuthenticator(
  [{ ...publicKey.export({ format: "jwk" }), kid: "order" }],
  async () => publicKey,
  {
    resolve: ({ id, email, roles }) => ({
      kind: "user",
      id,
      email,
      roles,
      permissions: new Set(["*"]),
      sessionId: "",
      machine: false,
    }),
    onNews: () => () => {},
  },
);

/**
 * Binds functions to some methods of a contract; the others are not there to be called.
 *
 * @param contract the contract
 * @param methods the functions
 */
export function serving<S extends DescService>(
  contract: S,
  methods: Partial<Implementation<S>>,
): Implemented {
  return implement(contract, methods as Implementation<S>);
}

/**
 * Starts a service of the kit that answers for its health, as every service does.
 *
 * @param implemented what it serves
 * @param port its port; 0 picks one
 */
export async function startService(implemented: readonly Implemented[], port = 0) {
  const names = implemented.map(({ contract }) => contract.typeName);
  const health = healthService(createReadiness([]), names);
  const mesh = () => {
    throw new Error("this service calls nobody");
  };
  const dispatcher = createDispatcher([...implemented, health], { log, telemetry, authenticator, mesh });
  return startGrpcServer([dispatcher], "127.0.0.1", port);
}

/**
 * Starts a service for one test.
 *
 * @param implemented what it serves
 * @returns its port
 */
export async function startTestService(t: ExecutionContext, ...implemented: Implemented[]): Promise<number> {
  const { port, stop } = await startService(implemented);
  t.teardown(() => stop(0));
  return port;
}

/** A HealthCheckResponse SERVING in the frame of a gRPC message. */
const HEALTHY = Buffer.from([0, 0, 0, 0, 2, 0x08, 0x01]);

/**
 * Starts a service that is healthy and takes every call, but answers none, and keeps no deadline.
 *
 * @returns its port
 */
export async function startHangingService(t: ExecutionContext): Promise<number> {
  const server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream, { ":path": path }) => {
    stream.on("error", () => {});
    if (path !== "/grpc.health.v1.Health/Check") return;
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(HEALTHY);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Gives clients that call as the order service, on behalf of a user who may do everything. */
export type Caller = <S extends DescService>(service: S, scope?: Partial<Scope>) => MeshClient<S>;

/**
 * Makes a caller for one test.
 *
 * @param target host and port to which all calls go
 * @param config the service configuration of the channels; none when left out
 */
export function joinAsCaller(
  t: ExecutionContext,
  target: string,
  config?: (contract: DescService) => object,
): Caller {
  const transport = grpcTransport((contract) => ({ target, serviceConfig: config?.(contract) }));
  const breakers = createBreakers({ resetMs: 30_000 }, telemetry.meter);
  t.teardown(() => {
    transport.close();
    breakers.stop();
  });
  const key = { ...privateKey.export({ format: "jwk" }), kid: "order" };
  const mesh = createMesh(transport, breakers, serviceTokens("order", key));
  const scopes = rootScopes(log, mesh);
  const authorization = `Bearer ${userToken()}`;
  return (service, scope = {}) => {
    const root = scopes({ requestId: randomUUID(), timeoutMs: 30_000 });
    return mesh({ ...root, authorization, ...scope }, service);
  };
}

function userToken(): string {
  return jwt.sign({ email: "ada@example.com", roles: [] }, privateKey, {
    algorithm: "ES256",
    keyid: "user",
    subject: randomUUID(),
    expiresIn: 300,
    ...USER_TOKEN,
  });
}
