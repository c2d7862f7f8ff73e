import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { DescService } from "@bufbuild/protobuf";
import { pino } from "pino";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { SoukError } from "#kit/error.ts";
import { createMesh } from "#kit/mesh/create-mesh.ts";
import { grpcTransport } from "#kit/mesh/grpc-transport.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import type { ServiceProgram } from "#kit/service.ts";
import { auth } from "../../services/auth/service.ts";
import { testEnvironment } from "../mesh.ts";
import type { Figure } from "./figures.ts";

const CALLERS = 32;
const WARM_UP_MS = 3_000;
const MEASURE_MS = 6_000;
const TICK_MS = 5;
const TIMES = 3;
const GOAL = 0.8;
const ADA = { email: "ada@example.com", password: "correct horse battery", firstName: "Ada", lastName: "L" };

/**
 * What a service still does when it is asked for three times what it can do: first as many callers as it bears,
 * one call at a time each, show its peak; then calls come at three times that rate, whether or not the ones before
 * were answered. The load is made by another process than the one that bears it; on two cores that process can
 * send some thousand calls a second, so what is asked for is what costs a service most: to sign in.
 */
export async function overloadCost(): Promise<Figure[]> {
  const endings: (() => Promise<void>)[] = [];
  const t = { teardown: (end: () => Promise<void>) => void endings.unshift(end) };
  try {
    const signIn = await startAlone(t, auth);
    await signIn(AuthService).register(ADA);
    return await measure("sign-in", () => signIn(AuthService).login(ADA));
  } finally {
    for (const end of endings) await end();
  }
}

async function measure(what: string, call: () => Promise<unknown>): Promise<Figure[]> {
  await callInTurn(call, WARM_UP_MS);
  const peak = (await callInTurn(call, MEASURE_MS)) / (MEASURE_MS / 1_000);
  const { ok, shed, failed } = await callAtRate(call, peak * TIMES, MEASURE_MS);
  const seconds = MEASURE_MS / 1_000;
  return [
    { what: `${what}: peak, calls/s`, value: peak },
    {
      what: `${what}: succeed at ${TIMES} times the load, calls/s`,
      value: ok / seconds,
      ratio: ok / seconds / peak,
      goal: `${GOAL} of the peak`,
    },
    { what: `${what}: turned away, calls/s`, value: shed / seconds },
    { what: `${what}: ended otherwise, calls/s`, value: failed / seconds },
  ];
}

async function callInTurn(call: () => Promise<unknown>, ms: number): Promise<number> {
  const until = performance.now() + ms;
  let ok = 0;
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (performance.now() < until) {
        await call();
        if (performance.now() < until) ok++;
      }
    }),
  );
  return ok;
}

async function callAtRate(call: () => Promise<unknown>, perSecond: number, ms: number) {
  const results = { ok: 0, shed: 0, failed: 0 };
  const under: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let sent = 0, now = startedAt; now < startedAt + ms; now = performance.now()) {
    for (; sent < ((now - startedAt) / 1_000) * perSecond; sent++) {
      under.push(
        call().then(
          () => {
            if (performance.now() < startedAt + ms) results.ok++;
          },
          (error: unknown) => {
            if (error instanceof SoukError && error.reason === "OVERLOADED") results.shed++;
            else results.failed++;
          },
        ),
      );
    }
    await delay(TICK_MS);
  }
  await Promise.all(under);
  return results;
}

/** Starts a service in a process of its own and gives clients of it, between which and the service nothing stands. */
async function startAlone(t: { teardown(end: () => Promise<void>): void }, program: ServiceProgram) {
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
  const transport = grpcTransport(() => ({ target: `ipv4:127.0.0.1:${ports.grpc}` }));
  t.teardown(async () => transport.close());
  const mesh = createMesh(transport, { guard: (_, run) => run() });
  const scopes = rootScopes(pino({ level: "silent" }), mesh);
  return <S extends DescService>(service: S) => mesh(scopes({ timeoutMs: 60_000 }), service);
}
