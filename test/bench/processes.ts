import { readdirSync, readFileSync } from "node:fs";

/** Whose a process of the shop is. */
export type Owner = "ours" | "envoy" | "stores";

/** A process of the shop. */
export interface ShopProcess {
  readonly pid: number;
  readonly owner: Owner;
  /** What it runs, for people. */
  readonly name: string;
}

/** What was used of the machine, by owner. */
export type ByOwner = Readonly<Record<Owner, number>>;

/** The kernel counts processor time in hundredths of a second (proc(5), sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;
const PROGRAMS: Readonly<Record<string, Owner>> = {
  postgres: "stores",
  "nats-server": "stores",
  "redis-server": "stores",
  envoy: "envoy",
};

/**
 * Finds a process and all that descend from it.
 *
 * @param root its number
 */
export function processTree(root: number): ShopProcess[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    const parent = Number.isInteger(pid) ? Number(statOf(pid)?.[1]) : Number.NaN;
    if (!Number.isNaN(parent)) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found.map(describe);
}

/**
 * The processor time that processes have taken since they began, in seconds.
 *
 * @param processes the processes; those that ended count nothing
 */
export function cpuSeconds(processes: readonly ShopProcess[]): ByOwner {
  return sumByOwner(processes, ({ pid }) => {
    const stat = statOf(pid);
    return stat === undefined ? 0 : (Number(stat[11]) + Number(stat[12])) / TICKS_PER_SECOND;
  });
}

/**
 * The memory of processes, in bytes: their proportional share of pages (PSS) and, beside it, all
 * pages each of them has resident (RSS), where what is shared counts several times.
 *
 * @param processes the processes
 */
export function memoryOf(processes: readonly ShopProcess[]): { pss: ByOwner; rss: ByOwner } {
  const rollups = new Map(processes.map(({ pid }) => [pid, readIfThere(`/proc/${pid}/smaps_rollup`) ?? ""]));
  const sum = (field: string) =>
    sumByOwner(processes, ({ pid }) => {
      const kilobytes = new RegExp(`^${field}: +(\\d+) kB`, "m").exec(rollups.get(pid) ?? "")?.[1];
      return Number(kilobytes ?? 0) * 1024;
    });
  return { pss: sum("Pss"), rss: sum("Rss") };
}

function sumByOwner(processes: readonly ShopProcess[], measure: (it: ShopProcess) => number): ByOwner {
  const sums = { ours: 0, envoy: 0, stores: 0 };
  for (const it of processes) sums[it.owner] += measure(it);
  return sums;
}

function describe(pid: number): ShopProcess {
  const words = (readIfThere(`/proc/${pid}/cmdline`) ?? "").split("\0");
  const program = words[0]?.split(/[/ :]/).filter(Boolean) ?? [];
  const owner = Object.entries(PROGRAMS).find(([name]) => program.some((part) => part.startsWith(name)))?.[1];
  return { pid, owner: owner ?? "ours", name: words.find((word) => word.endsWith(".ts")) ?? words[0] ?? "" };
}

/** The fields of /proc/<pid>/stat behind the name, which may itself hold spaces (proc(5)). */
function statOf(pid: number): string[] | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "latin1");
  } catch {
    // The process ended meanwhile.
    return undefined;
  }
}
