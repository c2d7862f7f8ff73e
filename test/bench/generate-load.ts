import { type HttpConnection, openHttpConnection, writeRequest } from "./http-connection.ts";
import { type Load, type LoadResult, type PlannedRequest, percentile } from "./load.ts";

/** Where requests come from. */
interface Source {
  /** The next request; undefined when there are no more. */
  take(): Buffer | undefined;
  /** How many different ones were taken. */
  used(): number;
}

// The process that sends the load, so that its part of the processor can be told from the shop's.
// It is told what to send by message, and answers with what came of it.
process.once("message", (load: Load) => {
  void generate(load).then((result) => process.send?.(result));
});

async function generate(load: Load): Promise<LoadResult> {
  const { host, port, callers, measureMs, once, requests } = load;
  const source = sourceOf(requests, once);
  const connections = await Promise.all(
    Array.from({ length: callers }, () => openHttpConnection(host, port)),
  );
  try {
    await warmUp(load, connections, source);
    process.send?.("measuring");
    await new Promise((resolve) => process.once("message", resolve));
    const before = process.cpuUsage();
    const startedAt = performance.now();
    const { latencies, failures } = await callFor(measureMs, connections, source);
    const tookMs = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(before);
    latencies.sort();
    return {
      calls: latencies.length,
      latencies,
      tookMs,
      p50Ms: percentile(latencies, 0.5),
      p99Ms: percentile(latencies, 0.99),
      cpuSeconds: (user + system) / 1e6,
      used: source.used(),
      failed: failures.length,
      failure: failures[0],
    };
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** Code runs slowly until it has run often. */
async function warmUp(
  { warmUpMs, warmUpCalls }: Load,
  connections: readonly HttpConnection[],
  source: Source,
): Promise<void> {
  const until = performance.now() + 3 * warmUpMs;
  let { calls } = await callFor(warmUpMs, connections, source);
  while (calls < warmUpCalls && performance.now() < until) {
    const more = await callFor(warmUpMs / 4, connections, source);
    if (more.calls === 0) return;
    calls += more.calls;
  }
}

/** Gives the requests one after the other, each once or again and again. */
function sourceOf(requests: readonly PlannedRequest[], once: boolean): Source {
  const encoded = requests.map(({ path, body, headers }) => writeRequest(path, body, headers));
  let next = 0;
  return {
    take: () => (once && next >= encoded.length ? undefined : encoded[next++ % encoded.length]),
    used: () => Math.min(next, encoded.length),
  };
}

async function callFor(ms: number, connections: readonly HttpConnection[], source: Source) {
  const until = performance.now() + ms;
  const latencies: number[] = [];
  const failures: string[] = [];
  await Promise.all(
    connections.map(async (connection) => {
      for (let sentAt = performance.now(); sentAt < until; ) {
        const request = source.take();
        if (request === undefined) return;
        const { status, body } = await connection.send(request);
        const now = performance.now();
        latencies.push(now - sentAt);
        if (status !== 200) failures.push(`${status} ${body.toString().slice(0, 300)}`);
        sentAt = now;
      }
    }),
  );
  return { calls: latencies.length, latencies: Float64Array.from(latencies), failures };
}
