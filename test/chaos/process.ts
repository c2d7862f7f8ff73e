import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Teardown } from "../stores.ts";
import type { Moment } from "./moments.ts";

/** A program in a process of its own, which a test may kill. */
export interface KillableProcess {
  /** The ports it listens on, by purpose. */
  readonly ports: Readonly<Record<string, number>>;
  /** Ends it with SIGKILL, as a power cut would. */
  kill(): Promise<void>;
  /**
   * Has the next saga that comes to a moment stand still there, or kill the process.
   *
   * @returns once the process knows of it, with what tells that a saga came there; false when the process ended first
   */
  arm(moment: Moment, fate: Fate): Promise<{ readonly reached: Promise<boolean> }>;
}

/** What becomes of a saga at a moment. */
export type Fate = "stand still" | "die";

/** What a process is told: what shall happen when. */
export interface Order {
  readonly id: number;
  readonly at: Moment;
  readonly fate: Fate;
}

/** What {@link startProcess} starts. */
const RUNNER = new URL("./run-program.ts", import.meta.url).pathname;

/**
 * Starts a service in a process of its own.
 *
 * @param t the test after which it is killed
 * @param service its name
 * @param env its settings
 * @throws Error when it does not start
 */
export async function startProcess(
  t: Teardown,
  service: string,
  env: Readonly<Record<string, string>>,
): Promise<KillableProcess> {
  const child = spawn(process.execPath, [RUNNER, service], {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  // Everything it said has been heard by then.
  const exited = once(child, "close");
  // Who writes to a process that has just died is told so by its death.
  child.stdin.on("error", () => {});
  async function kill(): Promise<void> {
    child.kill("SIGKILL");
    await exited;
  }
  t.teardown(kill);

  let orders = 0;
  const lines = createInterface({ input: child.stdout });
  /** What the process says next under a name. */
  function hear<T>(what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const listen = (line: string) => {
        if (!line.startsWith(`{"${what}":`)) return;
        lines.off("line", listen);
        resolve(JSON.parse(line)[what]);
      };
      lines.on("line", listen);
      exited.then(() => reject(new Error(`${service} ended before it said its ${what}`)));
    });
  }

  const ports = await hear<Record<string, number>>("ports");
  return {
    ports,
    kill,
    async arm(at, fate) {
      const order: Order = { id: ++orders, at, fate };
      const armed = hear(`armed ${order.id}`);
      const reached = hear(`reached ${order.id}`).then(
        () => true,
        () => false,
      );
      child.stdin.write(`${JSON.stringify(order)}\n`);
      await armed;
      return { reached };
    },
  };
}
