import { readFileSync } from "node:fs";

/** How often the thread is looked at, in ms. */
const EVERY_MS = 20;
/** Where Linux counts how long the main thread waited for a processor (Documentation/scheduler/sched-stats.rst). */
const COUNTERS = "/proc/self/schedstat";

/**
 * How long the main thread of this process was ready to work and had no processor since it began, in ms. Where the
 * system does not count it, the thread never waited.
 */
export function starvedMs(): number {
  try {
    return Number(readFileSync(COUNTERS, "utf8").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}

/**
 * Measures how long this thread works without a pause in which anything else could happen: in time that it had the
 * processor, which is the same on a machine that is busy.
 *
 * @returns what ends it and tells of the longest such time, in ms
 */
export function watchThread(): { stop(): number } {
  let last = worked();
  let longest = 0;
  const look = () => {
    const now = worked();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(look, EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      look();
      return Math.round(longest);
    },
  };
}

function worked(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
