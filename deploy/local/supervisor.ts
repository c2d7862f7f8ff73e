import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Child, type ChildOptions, type ChildSpec, createChild, endLeftover } from "./child.ts";

/** Keeps children alive. */
export interface Supervisor {
  /**
   * Starts a child and waits until it is ready. From then on a child that dies is started again.
   *
   * @throws Error with the end of the child's log when it does not become ready in time
   */
  start(spec: ChildSpec): Promise<Child>;
  /** The children in the order in which they were started. */
  children(): readonly Child[];
  /** Ends all children, the last started first; from then on none is started. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Makes a supervisor. Its children do not outlive it, not even when it is killed with SIGKILL: the kernel
 * sends them their stop signal (`PR_SET_PDEATHSIG`, set by setpriv). Where setpriv is missing, the next
 * supervisor of the same folder finds them by their pid files and ends them.
 */
export function createSupervisor(options: ChildOptions): Supervisor {
  const children: (Child & { start(): Promise<void> })[] = [];
  let stopped = false;
  mkdirSync(join(options.dir, "logs"), { recursive: true });
  mkdirSync(join(options.dir, "run"), { recursive: true });

  async function start(spec: ChildSpec): Promise<Child> {
    if (stopped) throw new Error(`${spec.name} was not started: everything is being stopped.`);
    if (children.some(({ name }) => name === spec.name)) throw new Error(`${spec.name} was started already.`);
    const created = createChild(spec, options);
    const forget = () => {
      const index = children.indexOf(child);
      if (index >= 0) children.splice(index, 1);
    };
    const child = { ...created, stop: () => created.stop().then(forget) };
    children.push(child);
    try {
      await child.start();
    } catch (error) {
      forget();
      throw error;
    }
    return child;
  }

  return {
    start,
    children: () => children,
    stop: async () => {
      stopped = true;
      for (const child of children.toReversed()) await child.stop();
    },
  };
}

/**
 * Ends what a supervisor that was killed left behind in its folder. To be called only by who holds the lock of
 * that folder.
 */
export async function endLeftovers(dir: string): Promise<void> {
  const run = join(dir, "run");
  const names = existsSync(run) ? readdirSync(run) : [];
  await Promise.all(names.map((name) => endLeftover(join(run, name), "SIGTERM", 1000)));
}
