import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** A call of a method with JSON, ready to be sent. */
export interface PlannedRequest {
  readonly path: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What is sent, where and for how long. */
export interface Load {
  readonly host: string;
  readonly port: number;
  /** How many connections there are; each has one call under way at a time. */
  readonly callers: number;
  /** How long the warm-up takes at least; it is over after three times that at the latest. */
  readonly warmUpMs: number;
  /** How many calls the warm-up has, if they can be made in its time. */
  readonly warmUpCalls: number;
  readonly measureMs: number;
  /** Whether a request may be sent only once; it ends early when there are no more. */
  readonly once: boolean;
  readonly requests: readonly PlannedRequest[];
}

/** What came of a load. */
export interface LoadResult {
  readonly calls: number;
  /** How long each call took, the shortest first, in ms. */
  readonly latencies: Float64Array;
  readonly tookMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** What the load generator itself took. */
  readonly cpuSeconds: number;
  /** How many different requests were sent, those of the warm-up included. */
  readonly used: number;
  readonly failed: number;
  /** The first failure: a status and the beginning of a body. */
  readonly failure: string | undefined;
}

/**
 * Sends a load from a process of its own.
 *
 * @param load what to send
 * @param onMeasure called between the warm-up and what is measured
 * @throws Error when the process fails
 */
export async function sendLoad(load: Load, onMeasure: () => Promise<void>): Promise<LoadResult> {
  const child = fork(join(import.meta.dirname, "generate-load.ts"), { serialization: "advanced" });
  const died = once(child, "exit").then(([code]) => {
    throw new Error(`the load generator ended with code ${code}`);
  });
  died.catch(() => {});
  try {
    child.send(load);
    await Promise.race([once(child, "message"), died]);
    await onMeasure();
    child.send("go");
    const [result] = await Promise.race([once(child, "message"), died]);
    return result as LoadResult;
  } finally {
    child.kill();
  }
}

/**
 * Takes several loads together.
 *
 * @param loads at least one
 */
export function sumLoads(loads: readonly LoadResult[]): LoadResult {
  const sum = (part: (load: LoadResult) => number) => loads.reduce((all, load) => all + part(load), 0);
  const latencies = Float64Array.from(loads.flatMap((load) => [...load.latencies])).sort();
  return {
    calls: latencies.length,
    latencies,
    tookMs: sum(({ tookMs }) => tookMs),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
    used: sum(({ used }) => used),
    failed: sum(({ failed }) => failed),
    failure: loads.find(({ failure }) => failure !== undefined)?.failure,
  };
}

/**
 * The value that so much of some values is below.
 *
 * @param sorted the values, the least first
 * @param part between 0 and 1
 */
export function percentile(sorted: Float64Array, part: number): number {
  return sorted[Math.floor(sorted.length * part)] ?? 0;
}
