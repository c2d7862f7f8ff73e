import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { create, type DescService, toBinary } from "@bufbuild/protobuf";
import { pino } from "pino";
import { AuthService, LoginRequestSchema } from "#gen/souk/auth/v1/auth_pb.ts";
import { GetStockRequestSchema } from "#gen/souk/inventory/v1/inventory_pb.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import { createMesh } from "#kit/mesh/create-mesh.ts";
import { grpcTransport } from "#kit/mesh/grpc-transport.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import type { ServiceProgram } from "#kit/service.ts";
import { auth } from "../../services/auth/service.ts";
import { inventory } from "../../services/inventory/service.ts";
import { testEnvironment } from "../mesh.ts";
import type { Teardown } from "../stores.ts";
import { type CallGenerator, type InTurn, startCalls, type Target } from "./calls.ts";
import { keepOnCores } from "./cores.ts";
import type { Figure } from "./figures.ts";
import { processTree } from "./processes.ts";

const SERVICE_CORE = "0";
const CALLERS_CORE = "1";
const WARM_UP: InTurn = { callers: 16, ms: 3_000 };
/** So many callers at a time, until more of them get no more done. */
const CALLERS = [8, 16, 32, 64];
const GROWTH = 1.05;
const TRY_MS = 2_000;
const MEASURE_MS = 5_000;
/** How long it has been too much before what still succeeds is counted. */
const SETTLE_MS = 2_000;
const TIMES = 3;
const GOAL = 0.8;
const CALL_MS = 5_000;
const ADA = { email: "ada@example.com", password: "correct horse battery", firstName: "Ada", lastName: "L" };

/** What was measured, and where. */
export interface OverloadCost {
  /** Whether the service, with its stores, had one core of the machine and those who called another one. */
  readonly apart: boolean;
  readonly figures: readonly Figure[];
}

/**
 * What a service still does when it is asked for three times what it can do: first callers who call one at a time,
 * ever more of them, show its peak; then calls come at three times that rate, whether or not the ones before were
 * answered. They come from a process of its own. Where that can be had, the service and its stores have one core for
 * themselves and those who call another one, at the peak as under the flood: what asking takes is otherwise taken from
 * the service. What was asked for in truth, and how much of a core that took, is shown beside.
 */
export async function overloadCost(): Promise<OverloadCost> {
  const cores = availableParallelism();
  const apart = cores > 1 && keepOnCores(ownProcesses(), SERVICE_CORE);
  try {
    return { apart, figures: await measureServices(apart) };
  } finally {
    if (apart) keepOnCores(ownProcesses(), `0-${cores - 1}`);
  }
}

/** What is started from here on stays on the same cores. */
function ownProcesses(): number[] {
  return processTree(process.pid).map(({ pid }) => pid);
}

async function measureServices(apart: boolean): Promise<Figure[]> {
  return [
    ...(await withService(auth, async ({ address, call }) => {
      await call(AuthService).register(ADA);
      const request = toBinary(LoginRequestSchema, create(LoginRequestSchema, ADA));
      return measure("sign-in", { address, path: "/souk.auth.v1.AuthService/Login", request }, apart);
    })),
    ...(await withService(inventory, async ({ address }) => {
      const message = create(GetStockRequestSchema, { variantIds: [randomUUID()] });
      const request = toBinary(GetStockRequestSchema, message);
      const path = "/souk.inventory.v1.InventoryService/GetStock";
      return measure("stock", { address, path, request }, apart);
    })),
  ];
}

async function measure(what: string, target: Omit<Target, "timeoutMs">, apart: boolean): Promise<Figure[]> {
  const calls = await startCalls({ ...target, timeoutMs: CALL_MS });
  try {
    if (apart) keepOnCores([calls.pid], CALLERS_CORE);
    await calls.call(WARM_UP);
    const peak = await findPeak(calls);
    await calls.call({ perSecond: peak * TIMES, ms: SETTLE_MS });
    const { sent, shed, timedOut, failed, succeeded, cores } = await calls.call({
      perSecond: peak * TIMES,
      ms: MEASURE_MS,
    });
    const perSecond = (count: number) => count / (MEASURE_MS / 1_000);
    const ok = median(succeeded);
    return [
      { what: `${what}: peak, calls/s`, value: peak },
      {
        what: `${what}: succeed at ${TIMES} times the load, calls/s`,
        value: ok,
        ratio: ok / peak,
        goal: `${GOAL} of the peak`,
      },
      { what: `${what}: asked for, calls/s`, value: perSecond(sent), ratio: perSecond(sent) / peak },
      { what: `${what}: turned away, calls/s`, value: perSecond(shed) },
      { what: `${what}: timed out, calls/s`, value: perSecond(timedOut) },
      { what: `${what}: failed otherwise, calls/s`, value: perSecond(failed) },
      { what: `${what}: cores that asking took`, value: cores },
    ];
  } finally {
    calls.stop();
  }
}

async function findPeak(calls: CallGenerator): Promise<number> {
  let [best, bestCallers] = [0, CALLERS[0] as number];
  for (const callers of CALLERS) {
    const done = median((await calls.call({ callers, ms: TRY_MS })).succeeded);
    if (done < best * GROWTH) break;
    [best, bestCallers] = [done, callers];
  }
  return median((await calls.call({ callers: bestCallers, ms: MEASURE_MS })).succeeded);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** A service in a process of its own, and clients of it; between them stands nothing. */
interface Alone {
  readonly address: string;
  call<S extends DescService>(service: S): MeshClient<S>;
}

async function withService<R>(program: ServiceProgram, use: (alone: Alone) => Promise<R>): Promise<R> {
  const endings: (() => Promise<void>)[] = [];
  const t = { teardown: (end: () => Promise<void>) => void endings.unshift(end) };
  try {
    return await use(await startAlone(t, program));
  } finally {
    for (const end of endings) await end();
  }
}

async function startAlone(t: Teardown, program: ServiceProgram): Promise<Alone> {
  const env = await testEnvironment(t, [program]);
  const child: ChildProcess = spawn(process.execPath, ["test/chaos/run-program.ts", program.name], {
    env: { ...process.env, ...env, SOUK_DATA_PLANE: "direct" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.teardown(async () => {
    child.kill("SIGKILL");
  });
  const [line] = await once(child.stdout as NodeJS.ReadableStream, "data");
  const { ports } = JSON.parse(String(line)) as { ports: { grpc: number } };
  const address = `127.0.0.1:${ports.grpc}`;
  const transport = grpcTransport(() => ({ target: `ipv4:${address}` }));
  t.teardown(async () => transport.close());
  const mesh = createMesh(transport, { guard: (_, run) => run() });
  const scopes = rootScopes(pino({ level: "silent" }), mesh);
  return { address, call: (service) => mesh(scopes({ timeoutMs: 60_000 }), service) };
}
