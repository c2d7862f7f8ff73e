import { generateKeyPairSync, randomBytes } from "node:crypto";
import type { DescService } from "@bufbuild/protobuf";
import { metrics } from "@opentelemetry/api";
import { pino } from "pino";
import { files } from "#gen/contracts.ts";
import { policyOf, serviceNameOf } from "#kit/contract.ts";
import { serviceTokens } from "#kit/identity/service-token.ts";
import { createBreakers } from "#kit/mesh/breakers.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import { createMesh } from "#kit/mesh/create-mesh.ts";
import { grpcTransport } from "#kit/mesh/grpc-transport.ts";
import type { Host, Program } from "#kit/program.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import { type RunningProcess, start } from "#kit/run.ts";
import type { ServiceProgram } from "#kit/service.ts";
import { loggingForSearch, noteSecret, traceForSearch } from "./evidence/collect.ts";
import { watchClient } from "./evidence/watch-client.ts";
import { createMigratedDatabase } from "./migrated-database.ts";
import { type Teardown, testStores } from "./stores.ts";

/** The names that have a key in a mesh of a test. */
const NAMES = [
  "auth",
  "user",
  "product",
  "order",
  "payment",
  "inventory",
  "notification",
  "gateway",
  "operator",
];

/** How long Redis may take in tests, in ms: longer than any machine is too busy for it. */
export const PATIENT_MS = 10_000;

/** The least time that calls have in tests, in ms: what a contract gives them is for a machine that has time for them. */
const CALL_MS = 30_000;

/** How a mesh of a test differs from the usual. */
export interface TestMeshOptions {
  /** Whether calls have the time that their contracts give them, however busy the machine is. */
  readonly inTime?: boolean;
  /** More settings. */
  readonly env?: Readonly<Record<string, string>>;
  /** Told of each moment of each saga. */
  readonly observeSagas?: Host["observeSagas"];
}

/** Services that run in this process for one test, on databases and streams of their own. */
export interface TestMesh {
  /** The settings under which they run; another process with them joins the mesh. */
  readonly env: Readonly<Record<string, string>>;
  /** The port of a program. */
  port(program: string, purpose?: string): number;
  /** A client that calls as a service, for example as "order"; as the operator by default. */
  as<S extends DescService>(service: S, caller?: string): MeshClient<S>;
  /** A client of what every service serves, at one of them, as the operator. */
  at<S extends DescService>(service: S, program: string): MeshClient<S>;
  /** A client that calls as whoever holds an access token; with "" as nobody. */
  withToken<S extends DescService>(service: S, accessToken: string): MeshClient<S>;
  stop(): Promise<void>;
}

/**
 * Starts services in this process on data plane `local`, each on a database of its own.
 *
 * @param t the test after which they stop
 * @param programs what to start
 * @param options how it differs from the usual
 */
export async function startTestMesh(
  t: Teardown,
  programs: readonly (ServiceProgram | Program)[],
  options: TestMeshOptions = {},
): Promise<TestMesh> {
  if (!options.inTime) giveTime();
  const env = { ...(await testEnvironment(t, programs)), ...options.env };
  const running = await start(programs, env, options.observeSagas);
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= running.stop();
    return stopped;
  };
  t.teardown(stop);
  return meshOf({ ...running, stop }, env, t);
}

/** Has every call of this process last for so long, whoever makes or serves it. */
function giveTime(): void {
  for (const method of files.flatMap(({ services }) => services).flatMap(({ methods }) => methods)) {
    const policy = policyOf(method);
    Object.assign(policy, { timeoutMs: Math.max(policy.timeoutMs, CALL_MS) });
  }
}

/**
 * The settings of a mesh of a test: databases that are migrated, a namespace for events, keys.
 *
 * @param t the test after which the databases are dropped
 * @param programs what will run
 */
export async function testEnvironment(
  t: Teardown,
  programs: readonly (ServiceProgram | Program)[],
): Promise<Record<string, string>> {
  const { natsUrl, redisUrl } = await testStores();
  traceForSearch();
  const keys = Object.fromEntries(NAMES.map((name) => [name, makeKey(name)]));
  const env: Record<string, string> = {
    SOUK_DATA_PLANE: "local",
    SOUK_LOG_LEVEL: process.env["SOUK_TEST_LOG_LEVEL"] ?? "fatal",
    SOUK_NATS_URL: natsUrl,
    SOUK_EVENT_NAMESPACE: `test-${randomBytes(6).toString("hex")}`,
    SOUK_TRUST_BUNDLE: JSON.stringify({ keys: Object.values(keys).map((key) => key.publicJwk) }),
    AUTH_KEY_SECRET: randomBytes(32).toString("hex"),
    PAYMENT_GIFT_CARD_SECRET: randomBytes(32).toString("hex"),
    NOTIFICATION_KEY_SECRET: randomBytes(32).toString("hex"),
    ...loggingForSearch(),
    // Most tests call more often than a caller may.
    SOUK_RATE_ANONYMOUS: "0",
    SOUK_RATE_AUTHENTICATED: "0",
    SOUK_RATE_PREMIUM: "0",
  };
  noteSecret(env["AUTH_KEY_SECRET"] as string, "the secret of auth");
  noteSecret(env["PAYMENT_GIFT_CARD_SECRET"] as string, "the secret of gift cards");
  noteSecret(env["NOTIFICATION_KEY_SECRET"] as string, "the secret of notification");
  if (redisUrl !== undefined) env["SOUK_REDIS_URL"] = redisUrl;
  // Nobody does without Redis for want of a processor but where a test wants it.
  env["SOUK_REDIS_TIMEOUT_MS"] = String(PATIENT_MS);
  for (const name of NAMES) {
    env[`${name.toUpperCase()}_SERVICE_KEY`] = JSON.stringify(keys[name]?.privateJwk);
    noteSecret(keys[name]?.privateJwk.d ?? "", `the private key of ${name}`);
    env[`${name.toUpperCase()}_PORT`] = "0";
    env[`${name.toUpperCase()}_OPERATIONS_PORT`] = "0";
    env[`${name.toUpperCase()}_POOL_SIZE`] = "6";
  }
  await Promise.all(
    programs.map(async (program) => {
      if (!("migrations" in program)) return;
      const { url } = await createMigratedDatabase(t, program.migrations);
      env[`${program.name.toUpperCase()}_DATABASE_URL`] = url;
    }),
  );
  return env;
}

function meshOf(running: RunningProcess, env: Record<string, string>, t: Teardown): TestMesh {
  const port = (name: string, purpose = "grpc") => {
    const found = running.programs.find((program) => program.name === name)?.ports[purpose];
    if (found === undefined) throw new Error(`${name} has no port for ${purpose} in this test`);
    return found;
  };
  const clientOf = (service: DescService, identity: Identity) =>
    testClient(t, `127.0.0.1:${port(serviceNameOf(service))}`, service, identity, env);
  return {
    env,
    port,
    as: (service, caller = "operator") => clientOf(service, { caller }) as never,
    at: (service, program) =>
      testClient(t, `127.0.0.1:${port(program)}`, service, { caller: "operator" }, env) as never,
    withToken: (service, accessToken) => clientOf(service, { accessToken }) as never,
    stop: () => running.stop(),
  };
}

/** As whom a test calls: as a service, or as whoever holds an access token ("" is nobody). */
export type Identity = { readonly caller: string } | { readonly accessToken: string };

/**
 * A client that calls over a socket, as callers from outside do.
 *
 * @param t the test after which it is closed
 * @param address where the service is
 * @param service the contract
 * @param identity as whom it calls
 * @param env the settings of the mesh, with the keys of services
 */
export function testClient<S extends DescService>(
  t: Teardown,
  address: string,
  service: S,
  identity: Identity,
  env: Readonly<Record<string, string>>,
): MeshClient<S> {
  const transport = grpcTransport(() => ({ target: `ipv4:${address}` }));
  const breakers = createBreakers({ resetMs: 1 }, metrics.getMeter("test"));
  t.teardown(async () => {
    transport.close();
    breakers.stop();
  });
  const token =
    "caller" in identity
      ? serviceTokens(
          identity.caller,
          JSON.parse(env[`${identity.caller.toUpperCase()}_SERVICE_KEY`] as string),
        )
      : undefined;
  const mesh = createMesh(transport, breakers, token);
  const scope = rootScopes(pino({ level: "silent" }), mesh)({ timeoutMs: 60_000 });
  const isUser = "accessToken" in identity && identity.accessToken !== "";
  if (isUser) noteSecret(identity.accessToken, "an access token");
  const own = isUser ? { ...scope, authorization: `Bearer ${identity.accessToken}` } : scope;
  return watchClient(service, mesh(own, service));
}

function makeKey(name: string) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const kid = `${name}:test`;
  return {
    privateJwk: { ...privateKey.export({ format: "jwk" }), kid },
    publicJwk: { ...publicKey.export({ format: "jwk" }), kid },
  };
}
