import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  create,
  createFileRegistry,
  type DescMethod,
  type DescService,
  fromBinary,
  getOption,
  hasOption,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import {
  type ClientReadableStream,
  credentials,
  makeGenericClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import test, { type ExecutionContext } from "ava";
import { service as healthDefinition } from "grpc-health-check";
import { contracts } from "#gen/contracts.ts";
import { ServerReflection } from "#gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionV1Alpha } from "#gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { Health } from "#gen/health/v1/health_pb.ts";
import { OperationsService } from "#gen/souk/mesh/v1/operations_pb.ts";
import { policy as policyOption } from "#gen/souk/mesh/v1/policy_pb.ts";
import { methodName, serviceNameOf } from "#kit/contract.ts";
import { Code } from "#kit/error.ts";
import { start } from "#kit/run.ts";
import { findOnPath } from "../../deploy/local/programs.ts";
import { servicePrograms } from "../../deploy/local/service-programs.ts";
import { gateway } from "../../services/gateway/program.ts";
import { user } from "../../services/user/service.ts";
import { afterFile } from "../after-file.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh, type TestMesh, testClient, testEnvironment } from "../mesh.ts";
import { requireTool } from "../tools.ts";
import { startTestEnvoy } from "./envoy-program.ts";

const run = promisify(execFile);
const BUF = join(import.meta.dirname, "../../node_modules/.bin/buf");
const VERSIONS = [ServerReflection, ServerReflectionV1Alpha] as const;
const SERVED = [...contracts].filter((it) => it.kind === "service");

let mesh: TestMesh;
const file = afterFile(test);

test.before(async () => {
  mesh = await startTestMesh(file, [...servicePrograms, gateway], {
    env: { NOTIFICATION_SMTP_URL: "smtp://127.0.0.1:1" },
  });
});

for (const version of VERSIONS) {
  test(`${version.typeName} lists at each service what it serves, and at the gateway everything`, async (t) => {
    for (const { name } of servicePrograms) {
      const own = SERVED.filter(
        (contract) => contract !== OperationsService && serviceNameOf(contract) === name,
      );
      t.true(own.length > 0, name);
      t.deepEqual(await list(t, version, addressOf(name)), namesOf([...own, OperationsService]), name);
    }
    t.deepEqual(await list(t, version, addressOf("gateway")), namesOf(SERVED));
  });

  test(`${version.typeName} gives every method with its policy`, async (t) => {
    for (const { typeName, methods } of SERVED) {
      const symbol = `${typeName}.${methods[0]?.name}`;
      const file = (await files(t, version, addressOf("gateway"), symbol)).toReversed();
      const found = createFileRegistry(create(FileDescriptorSetSchema, { file })).getService(typeName);
      for (const method of methods as readonly DescMethod[]) {
        const told = found?.method[method.localName] as DescMethod;
        t.true(hasOption(told, policyOption), methodName(method));
        t.deepEqual(getOption(told, policyOption), getOption(method, policyOption), methodName(method));
      }
    }
  });
}

test("each program says by grpc.health.v1 that it serves, and what it does not know", async (t) => {
  for (const name of [...servicePrograms.map((it) => it.name), "gateway"]) {
    const health = healthOf(t, addressOf(name));
    const served = SERVED.filter((it) => serviceNameOf(it) === name).map(({ typeName }) => typeName);
    for (const what of ["", ...served]) {
      // A program is ready when its stores have answered, which may be after its start.
      await eventually(async () => assert.equal(await health.check(what), "SERVING", `${name} ${what}`));
    }
    await t.throwsAsync(health.check("souk.nonsense.v1.Nonsense"), { code: Code.NOT_FOUND } as never, name);
    t.is(await health.first("souk.nonsense.v1.Nonsense"), "SERVICE_UNKNOWN", name);
  }
});

test("who watches the health of a service is told when it is about to stop", async (t) => {
  const alone = await start([user], await testEnvironment(t, [user]));
  const watched = healthOf(t, `127.0.0.1:${alone.programs[0]?.ports["grpc"]}`).watch("");
  const states: string[] = [];
  let stopped: Promise<void> | undefined;
  for await (const status of watched) {
    if (status !== "SERVING" && stopped === undefined) continue;
    states.push(status);
    stopped ??= alone.stop();
    if (status === "NOT_SERVING") break;
  }
  t.deepEqual(states, ["SERVING", "NOT_SERVING"]);
  await stopped;
});

test("buf curl lists and calls the methods of a service by its reflection", async (t) => {
  await looksInWith(t, addressOf("product"), bufCurl);
});

test("buf curl lists and calls the methods of the whole mesh through Envoy", async (t) => {
  const envoy = await startTestEnvoy(t, meshPorts());
  if (envoy === undefined) return;
  await looksInWith(t, envoy.meshAddress, bufCurl);
  const { stdout } = await run(BUF, [...BUF_CURL, "--list-services", `http://${envoy.meshAddress}`]);
  for (const { typeName } of SERVED) t.true(stdout.includes(typeName), typeName);
});

test("grpcurl lists, describes and calls the methods of the whole mesh through Envoy", async (t) => {
  const grpcurl = requireTool(t, "grpcurl", findOnPath("grpcurl"));
  if (grpcurl === undefined) return;
  const envoy = await startTestEnvoy(t, meshPorts());
  if (envoy === undefined) return;
  const ask = async (...args: string[]) => (await run(grpcurl, ["-plaintext", ...args])).stdout;
  await looksInWith(t, envoy.meshAddress, {
    list: (address) => ask(address, "list", PRODUCT),
    call: (address, method, json) => ask("-d", json, address, `${PRODUCT}/${method}`),
  });
  const listed = await ask(envoy.meshAddress, "list");
  for (const { typeName } of SERVED) t.true(listed.includes(typeName), typeName);
  const described = await ask(envoy.meshAddress, "describe", `${PRODUCT}.GetProduct`);
  t.regex(described, /souk\.mesh\.v1\.policy.*\n.*access: \{ public/s);
});

const PRODUCT = "souk.product.v1.ProductService";
const BUF_CURL = ["curl", "--protocol", "grpc", "--http2-prior-knowledge"];

/** A program with which operators look into the mesh. */
interface Curl {
  list(address: string): Promise<string>;
  call(address: string, method: string, json: string): Promise<string>;
}

const bufCurl: Curl = {
  list: async (address) => (await run(BUF, [...BUF_CURL, "--list-methods", `http://${address}`])).stdout,
  call: async (address, method, json) =>
    (await run(BUF, [...BUF_CURL, "--data", json, `http://${address}/${PRODUCT}/${method}`])).stdout,
};

async function looksInWith(
  t: ExecutionContext,
  address: string,
  { list: listWith, call }: Curl,
): Promise<void> {
  const methods = await listWith(address);
  for (const method of ["GetProduct", "SearchProducts"])
    t.regex(methods, new RegExp(`${PRODUCT}[./]${method}\\b`));
  t.deepEqual(JSON.parse(await call(address, "ListCategories", "{}")), {});
  const refused = await t.throwsAsync(call(address, "GetProduct", '{"slug": "nothing-of-that-name"}'));
  t.regex((refused as unknown as { stderr: string }).stderr, /not_?found/i);
}

function meshPorts(): Record<string, number[]> {
  const ports = Object.fromEntries(servicePrograms.map(({ name }) => [name, [mesh.port(name)]]));
  return { ...ports, gateway: [mesh.port("gateway", "http")] };
}

function addressOf(program: string): string {
  return `127.0.0.1:${mesh.port(program, program === "gateway" ? "http" : "grpc")}`;
}

function namesOf(services: readonly DescService[]): string[] {
  return [...services, Health, ...VERSIONS].map(({ typeName }) => typeName).sort();
}

type Version = (typeof VERSIONS)[number];

async function ask(t: ExecutionContext, version: Version, address: string, request: object) {
  const client = testClient(t, address, version as typeof ServerReflection, { accessToken: "" }, mesh.env);
  async function* requests() {
    yield { messageRequest: request as never };
  }
  for await (const { messageResponse } of client.serverReflectionInfo(requests())) return messageResponse;
  throw new Error("reflection did not answer");
}

async function list(t: ExecutionContext, version: Version, address: string): Promise<string[]> {
  const answer = await ask(t, version, address, { case: "listServices", value: "" });
  if (answer.case !== "listServicesResponse") throw new Error(`reflection answered with ${answer.case}`);
  return answer.value.service.map(({ name }) => name);
}

async function files(t: ExecutionContext, version: Version, address: string, symbol: string) {
  const answer = await ask(t, version, address, { case: "fileContainingSymbol", value: symbol });
  if (answer.case !== "fileDescriptorResponse")
    throw new Error(`reflection answered with ${answer.case} to ${symbol}`);
  return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
}

/** A client of grpc.health.v1 made of another package's definition of it. */
function healthOf(t: ExecutionContext, address: string) {
  const HealthClient = makeGenericClientConstructor(healthDefinition as never, "Health");
  const client = new HealthClient(address, credentials.createInsecure());
  t.teardown(() => client.close());
  async function* watch(service: string): AsyncIterable<string> {
    const call = client["watch"]?.({ service }) as unknown as ClientReadableStream<{ status: string }>;
    call.on("error", () => {});
    try {
      for await (const { status } of call) yield status;
    } finally {
      call.cancel();
    }
  }
  return {
    watch,
    check: (service: string) =>
      new Promise<string>((resolve, reject) => {
        client["check"]?.({ service }, (error: ServiceError | null, answer: { status: string }) => {
          if (error === null) resolve(answer.status);
          else reject(error);
        });
      }),
    async first(service: string) {
      for await (const status of watch(service)) return status;
      return undefined;
    },
  };
}
