import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** What is called, over and over. */
export interface Target {
  /** "host:port" of a gRPC server. */
  readonly address: string;
  /** "/package.Service/Method". */
  readonly path: string;
  /** A request, encoded. */
  readonly request: Uint8Array;
  /** The deadline of each call, in ms from when it is made. */
  readonly timeoutMs: number;
}

/** So many callers, each of whom calls again when answered. */
export interface InTurn {
  readonly callers: number;
  readonly ms: number;
}

/** Calls that come at a rate, whether or not those before were answered. */
export interface AtRate {
  readonly perSecond: number;
  readonly ms: number;
}

/** What came of calls. */
export interface CallsDone {
  readonly sent: number;
  readonly ok: number;
  /** Turned away because there was too much to do. */
  readonly shed: number;
  readonly timedOut: number;
  readonly failed: number;
  /** How many succeeded in each whole second. */
  readonly succeeded: readonly number[];
  /** How much of a core the one who called took. */
  readonly cores: number;
}

/** A process that calls. */
export interface CallGenerator {
  readonly pid: number;
  call(how: InTurn | AtRate): Promise<CallsDone>;
  stop(): void;
}

/**
 * Starts a process that calls a method.
 *
 * @param target what it calls
 * @throws Error when the process ends
 */
export async function startCalls(target: Target): Promise<CallGenerator> {
  const child = fork(join(import.meta.dirname, "generate-calls.ts"), { serialization: "advanced" });
  const died = once(child, "exit").then(([code]) => {
    throw new Error(`what makes the calls ended with code ${code}`);
  });
  died.catch(() => {});
  const ask = async (message: object) => {
    child.send(message);
    const [answer] = await Promise.race([once(child, "message"), died]);
    return answer;
  };
  await ask(target);
  return { pid: child.pid as number, call: (how) => ask(how), stop: () => void child.kill() };
}
