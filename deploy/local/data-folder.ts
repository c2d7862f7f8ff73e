import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { endLeftovers } from "./supervisor.ts";

/** What is no data: programs that were brought, and code that was compiled. */
const kept = new Set(["tools", "compile-cache"]);
const discardedPrefix = "discarded-";

/**
 * Empties a data folder, so that the next start begins anew. The folder itself stays, and with it the lock; to be
 * called only by who holds that. The data are set aside, and removeDiscardedData() removes them later: some file
 * systems make new files several times slower right after many were removed.
 *
 * @throws Error that names the remedy when something in it belongs to another user
 */
export async function clearDataFolder(dir: string): Promise<void> {
  await endLeftovers(dir);
  mkdirSync(dir, { recursive: true });
  const aside = mkdtempSync(join(dir, discardedPrefix));
  for (const name of readdirSync(dir)) {
    if (kept.has(name) || name.startsWith(discardedPrefix)) continue;
    try {
      renameSync(join(dir, name), join(aside, name));
    } catch (error) {
      throw cannotRemove(join(dir, name), error as Error);
    }
  }
}

/**
 * Removes what clearDataFolder() set aside, at this start or at one before. To be called when everything is up.
 *
 * @throws Error that names the remedy when something in it belongs to another user
 */
export async function removeDiscardedData(dir: string): Promise<void> {
  const names = existsSync(dir) ? readdirSync(dir).filter((name) => name.startsWith(discardedPrefix)) : [];
  for (const name of names) {
    try {
      await rm(join(dir, name), { recursive: true, force: true });
    } catch (error) {
      throw cannotRemove(join(dir, name), error as Error);
    }
  }
}

function cannotRemove(path: string, cause: Error): Error {
  const message = `${path} cannot be removed: ${cause.message}. It may have been made by root: remove it as root.`;
  return new Error(message, { cause });
}
