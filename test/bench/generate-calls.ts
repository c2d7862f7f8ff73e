import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { Code } from "#kit/error.ts";
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

/** Some connections, as proxies have. */
const CONNECTIONS = 4;
/** Before a message stands whether it is compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const MESSAGE_HEAD_BYTES = 5;
const TICK_MS = 2;
const WINDOW_MS = 1_000;

/** Speaks HTTP/2 itself: a gRPC library would take more of the processor for a call than the service that is called. */
function caller({ address, path, request, timeoutMs }: Target): () => Promise<Outcome> {
  const sessions = Array.from({ length: CONNECTIONS }, () => connect(`http://${address}`));
  const headers = {
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    "grpc-timeout": `${timeoutMs}m`,
    te: "trailers",
  };
  const message = Buffer.concat([Buffer.alloc(MESSAGE_HEAD_BYTES), request]);
  message.writeUInt32BE(request.length, 1);
  let next = 0;
  return () => {
    const stream = (sessions[next++ % CONNECTIONS] as ClientHttp2Session).request(headers);
    stream.resume();
    stream.end(message);
    return outcomeOf(stream, timeoutMs);
  };
}

function outcomeOf(stream: ClientHttp2Stream, timeoutMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    let outcome: Outcome = "failed";
    const timer = setTimeout(() => {
      outcome = "timedOut";
      stream.close(constants.NGHTTP2_CANCEL);
    }, timeoutMs);
    const read = (headers: IncomingHttpHeaders) => {
      const code = headers["grpc-status"];
      if (code === undefined) return;
      // Who is turned away for too much load is told not to repeat the call at once (gRFC A6).
      if ("grpc-retry-pushback-ms" in headers) outcome = "shed";
      else if (Number(code) === Code.OK) outcome = "ok";
      else if (Number(code) === Code.DEADLINE_EXCEEDED) outcome = "timedOut";
    };
    // A status comes behind an answer, or in its place.
    stream.on("response", read);
    stream.on("trailers", read);
    stream.on("error", () => {});
    stream.on("close", () => {
      clearTimeout(timer);
      resolve(outcome);
    });
  });
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
