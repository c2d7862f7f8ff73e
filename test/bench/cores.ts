import { spawnSync } from "node:child_process";

/** A program of util-linux; nothing in Node reaches what it does. */
const TASKSET = "taskset";

/**
 * Keeps processes, with all their threads and the children they are yet to have, on some of the machine's cores.
 *
 * @param pids the processes
 * @param cores as taskset(1) writes them: "0", or "0,1"
 * @returns whether that was done; it needs taskset
 */
export function keepOnCores(pids: readonly number[], cores: string): boolean {
  return pids.every((pid) => {
    const { status } = spawnSync(TASKSET, ["--all-tasks", "--cpu-list", "--pid", cores, String(pid)]);
    return status === 0;
  });
}
