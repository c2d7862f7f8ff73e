import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Teardown } from "../stores.ts";

/** A program in a process of its own, which a test may kill. */
export interface KillableProcess {
  /** The ports it listens on, by purpose. */
  readonly ports: Readonly<Record<string, number>>;
  /** Ends it with SIGKILL, as a power cut would. */
  kill(): Promise<void>;
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
 * @param killAt a moment of a saga at which it kills itself, as "<step> <before|after> <run|undo>"
 * @throws Error when it does not start
 */
export async function startProcess(
  t: Teardown,
  service: string,
  env: Readonly<Record<string, string>>,
  killAt = "",
): Promise<KillableProcess> {
  const child: ChildProcess = spawn(process.execPath, [RUNNER, service, killAt], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  t.teardown(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const ports = await Promise.race([
    (async () => {
      for await (const line of lines) if (line.startsWith("{\"ports\"")) return JSON.parse(line).ports;
    })(),
    exited.then(() => {
      throw new Error(`${service} ended before it was ready`);
    }),
  ]);
  lines.on("line", () => {});
  return {
    ports,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    died: async () => {
      await exited;
    },
  };
}
