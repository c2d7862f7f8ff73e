import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { isPortFree, pickFreePort } from "../../deploy/local/ports.ts";
import { sendSignal, waitUntil } from "../../deploy/local/process.ts";
import { makePlace } from "../service/local/place.ts";
import { requireEnvoy, startTestEnvoy } from "./envoy-program.ts";
import { joinAsCaller } from "./envoy-service.ts";

/** How soon a service that is up again serves again through Envoy, in ms. */
const RECOVERY_MS = 2_000;

test("the only replica of a service serves again at once when it is up again after a kill", async (t) => {
  if ((await requireEnvoy(t)) === undefined) return;
  const replica = await startReplica(t);
  const envoy = await startTestEnvoy(t, { auth: [replica.port] });
  if (envoy === undefined) return;
  const ask = asker(t, envoy.meshAddress);
  t.is(await ask(), replica.pid());
  await replica.killAndRevive();
  t.true(await waitUntil(async () => (await ask()) === replica.pid(), RECOVERY_MS));
});

test("while one of two replicas is dead nobody notices, and it gets its share again when it is back", async (t) => {
  if ((await requireEnvoy(t)) === undefined) return;
  const [one, other] = [await startReplica(t), await startReplica(t)];
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
function asker(t: ExecutionContext, meshAddress: string): () => Promise<number> {
  const client = joinAsCaller(t, meshAddress)(AuthService);
  return async () => Number((await client.getKeySet({})).jwksJson);
}

async function startReplica(t: ExecutionContext) {
  const { supervisor } = makePlace(t);
  const port = await pickFreePort();
  const listening = async () => !(await isPortFree(port));
  const child = await supervisor.start({
    name: "replica",
    command: process.execPath,
    args: [join(import.meta.dirname, "envoy-replica.ts"), String(port)],
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
