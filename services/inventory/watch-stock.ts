import { setTimeout as pause } from "node:timers/promises";
import type { Changes } from "#kit/data/changes.ts";
import type { Scope } from "#kit/scope.ts";

/** The net under the notifications: how often levels are looked at anyway, in ms. */
const POLL_MS = 10_000;
/** However often a level changes, it is looked at no more often than this, in ms. */
const GATHER_MS = 200;

/** What rings when locations begin or end to ship, which may change the level of any variant. */
export const ALL_LEVELS = "all";

/**
 * Tells levels as they are, then each again after it changed, until nobody listens any more. Who begins anew is told
 * all of them first, so that a break hides no change.
 *
 * @param changes tells when to look again
 * @param scope the call
 * @param variantIds the variants
 * @param look reads levels, in the order asked for
 */
export async function* watchStock<L>(
  changes: Changes,
  scope: Scope,
  variantIds: readonly string[],
  look: (variantIds: readonly string[]) => Promise<readonly L[]>,
): AsyncGenerator<readonly L[]> {
  const ids = [...new Set(variantIds.map((id) => id.toLowerCase()))];
  // Before the first look, so that no change falls between the two.
  const watch = changes.watch(...ids, ALL_LEVELS);
  try {
    const told = new Map<string, string>();
    while (!scope.signal.aborted) {
      const levels = await look(ids);
      const changed = levels.filter((level, index) => {
        const text = JSON.stringify(level, (_, value) => (typeof value === "bigint" ? `${value}` : value));
        const id = ids[index] as string;
        if (told.get(id) === text) return false;
        told.set(id, text);
        return true;
      });
      if (changed.length > 0) yield changed;
      await pause(GATHER_MS, undefined, { signal: scope.signal }).catch(() => {});
      await watch.next(POLL_MS, scope.signal);
    }
  } finally {
    watch.close();
  }
}
