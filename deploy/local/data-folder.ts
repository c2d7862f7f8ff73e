import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { endLeftovers } from "./supervisor.ts";

/** What is no data: programs that were brought, and code that was compiled. */
const kept = new Set(["tools", "compile-cache"]);

/**
 * Empties a data folder, so that the next start begins anew. The folder itself stays, and with it the lock; to be
 * called only by who holds that.
 *
 * @throws Error that names the remedy when something in it belongs to another user
 */
export async function clearDataFolder(dir: string): Promise<void> {
  await endLeftovers(dir);
  for (const name of existsSync(dir) ? readdirSync(dir) : []) {
    if (kept.has(name)) continue;
    const path = join(dir, name);
    try {
      rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    } catch (error) {
      throw new Error(
        `${path} cannot be removed: ${(error as Error).message}. It may have been made by root: remove it as root.`,
        { cause: error },
      );
    }
  }
}
