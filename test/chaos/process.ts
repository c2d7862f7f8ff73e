import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { SagaMoment } from "#kit/saga/run-saga.ts";
import type { Teardown } from "../stores.ts";

/** A program in a process of its own, which a test may kill. */
export interface KillableProcess {
  /** The ports it listens on, by purpose. */
  readonly ports: Readonly<Record<string, number>>;
  /** Ends it with SIGKILL, as a power cut would. */
  kill(): Promise<void>;
  /** Has it kill itself at a moment of the next saga that comes there. */
  killItselfAt(moment: Pick<SagaMoment, "step" | "phase" | "direction">): Promise<void>;
  /** Waits until it has died by itself. */
  died(): Promise<void>;
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
  const exited = once(child, "exit");
  // Who writes to a process that has just died is told so by its death.
  child.stdin.on("error", () => {});
  async function kill(): Promise<void> {
    child.kill("SIGKILL");
    await exited;
  }
  t.teardown(kill);

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
    async killItselfAt({ step, phase, direction }) {
      const armed = hear("armed");
      child.stdin.write(`${step} ${phase} ${direction}\n`);
      await armed;
    },
    died: async () => {
      await exited;
    },
  };
}
