import { setTimeout as delay } from "node:timers/promises";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import type { AtRate, CallsDone, InTurn, Target } from "./calls.ts";

// The process that makes the calls, so that it and the service do not wait for each other's event loop.
// It is told whom to call, and then again and again how; it answers with what came of it.
process.once("message", (target: Target) => {
  const call = caller(target);
  process.on("message", (how: InTurn | AtRate) => {
    void ("callers" in how ? callInTurn(call, how) : callAtRate(call, how)).then((done) =>
      process.send?.(done),
    );
  });
  process.send?.("ready");
});

type Outcome = "ok" | "shed" | "timedOut" | "failed";

/** Some channels, as proxies have; what is sent was encoded before. */
const CHANNELS = 4;
const TICK_MS = 2;
const WINDOW_MS = 1_000;

function caller({ address, path, request, timeoutMs }: Target): () => Promise<Outcome> {
  const options = { "grpc.use_local_subchannel_pool": 1, "grpc.enable_retries": 0 };
  const clients = Array.from(
    { length: CHANNELS },
    () => new Client(address, credentials.createInsecure(), options),
  );
  const bytes = Buffer.from(request);
  const same = (it: Buffer) => it;
  let next = 0;
  return () =>
    new Promise((resolve) => {
      const client = clients[next++ % CHANNELS] as Client;
      const deadline = Date.now() + timeoutMs;
      client.makeUnaryRequest(path, same, same, bytes, { deadline }, (error) => resolve(outcomeOf(error)));
    });
}

function outcomeOf(error: ServiceError | null): Outcome {
  if (error === null) return "ok";
  if (error.code === status.DEADLINE_EXCEEDED) return "timedOut";
  // Who is turned away for too much load is told not to repeat the call at once (gRFC A6).
  return error.metadata.get("grpc-retry-pushback-ms").length > 0 ? "shed" : "failed";
}

async function callInTurn(call: () => Promise<Outcome>, { callers, ms }: InTurn): Promise<CallsDone> {
  const count = counter(ms);
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (!count.isOver()) {
        count.sent();
        count.ended(await call());
      }
    }),
  );
  return count.done();
}

async function callAtRate(call: () => Promise<Outcome>, { perSecond, ms }: AtRate): Promise<CallsDone> {
  const count = counter(ms);
  const under: Promise<void>[] = [];
  let sent = 0;
  for (; !count.isOver(); await delay(TICK_MS)) {
    for (const due = (count.sinceMs() / 1_000) * perSecond; sent < due; sent++) {
      count.sent();
      under.push(call().then(count.ended));
    }
  }
  await Promise.all(under);
  return count.done();
}

/** Counts what is sent and how it ends, successes by the second. */
function counter(ms: number) {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  const sinceMs = () => performance.now() - startedAt;
  const windows = new Array<number>(Math.floor(ms / WINDOW_MS)).fill(0);
  const counts = { sent: 0, ok: 0, shed: 0, timedOut: 0, failed: 0 };
  let cpu: NodeJS.CpuUsage | undefined;
  return {
    sinceMs,
    isOver() {
      if (sinceMs() < ms) return false;
      cpu ??= process.cpuUsage(before);
      return true;
    },
    sent: () => {
      counts.sent++;
    },
    ended(outcome: Outcome) {
      counts[outcome]++;
      const window = Math.floor(sinceMs() / WINDOW_MS);
      if (outcome === "ok" && window < windows.length) windows[window] = (windows[window] ?? 0) + 1;
    },
    done: (): CallsDone => ({
      ...counts,
      succeeded: windows,
      cores: cpu === undefined ? 0 : (cpu.user + cpu.system) / 1e3 / ms,
    }),
  };
}
