import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { create } from "@bufbuild/protobuf";
import test, { type ExecutionContext } from "ava";
import { AuthService, GetKeySetRequestSchema, type GetKeySetResponse } from "#gen/souk/auth/v1/auth_pb.ts";
import { grpcTransport } from "#kit/mesh/grpc-transport.ts";
import { pickFreePort } from "../../deploy/local/ports.ts";
import { sendSignal, waitUntil } from "../../deploy/local/process.ts";
import { makePlace } from "../service/local/place.ts";
import { requireEnvoy, startTestEnvoy } from "./envoy-program.ts";

/** How soon a service that is up again serves again through Envoy, in ms; sooner than Envoy's own habits would let it. */
const RECOVERY_MS = 10_000;

test("the only replica of a service serves again at once when it is up again after a kill", async (t) => {
  if ((await requireEnvoy(t)) === undefined) return;
  const replica = await startReplica(t);
  const envoy = await startTestEnvoy(t, { auth: [replica.port] });
  if (envoy === undefined) return;
  const ask = asker(t, envoy.meshAddress);
  t.is(await ask(), replica.pid() ?? 0);
  await replica.killAndRevive();
  t.true(await waitUntil(async () => (await ask()) === replica.pid(), RECOVERY_MS));
});

test("while one of two replicas is dead nobody notices, and it gets its share again when it is back", async (t) => {
  if ((await requireEnvoy(t)) === undefined) return;
  const [one, other] = await Promise.all([startReplica(t), startReplica(t)]);
  const envoy = await startTestEnvoy(t, { auth: [one.port, other.port] });
  if (envoy === undefined) return;
  const ask = asker(t, envoy.meshAddress);
  const shareOfOne = async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, ask));
    return answers.filter((pid) => pid === one.pid()).length;
  };
  t.true(await waitUntil(async () => (await shareOfOne()) === 5, RECOVERY_MS));

  let over = false;
  const revived = one.killAndRevive().finally(() => {
    over = true;
  });
  let calls = 0;
  while (!over) {
    await t.notThrowsAsync(ask());
    calls++;
  }
  await revived;
  t.true(calls > 0);
  t.true(await waitUntil(async () => (await shareOfOne()) === 5, RECOVERY_MS));
});

/** Gives the number of the process that answers a call. */
function asker(t: ExecutionContext, target: string): () => Promise<number> {
  const transport = grpcTransport(() => ({ target }));
  t.teardown(() => transport.close());
  const method = AuthService.method.getKeySet;
  const signal = new AbortController().signal;
  return async () => {
    const outbound = { headers: new Map(), deadline: Date.now() + 10_000, signal };
    const { message } = await transport.call(method, create(GetKeySetRequestSchema), outbound);
    return Number((message as GetKeySetResponse).jwksJson);
  };
}

async function startReplica(t: ExecutionContext) {
  const { supervisor } = makePlace(t);
  const port = await pickFreePort();
  const listening = () => accepts(port);
  const child = await supervisor.start({
    name: "replica",
    command: process.execPath,
    args: [fileURLToPath(import.meta.resolve("./envoy-replica.ts")), String(port)],
    ready: listening,
  });
  return {
    port,
    pid: () => child.pid(),
    /** Kills it; the supervisor starts it again. */
    async killAndRevive() {
      const killed = child.pid() as number;
      sendSignal(killed, "SIGKILL");
      await waitUntil(async () => child.pid() !== killed && child.pid() !== undefined && listening(), 20_000);
    },
  };
}

/** Whether a server listens; asked by calling it, since a try to listen there would be in the server's way. */
function accepts(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}
