import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Writes a file so that a reader, or a machine that loses power, sees all of it or what was there before.
 *
 * @param mode the file's permissions, e.g. 0o600
 */
export function writeFileAtomically(file: string, content: string | Uint8Array, mode = 0o644): void {
  const draft = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const fd = openSync(draft, "wx", mode);
    try {
      writeFileSync(fd, content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  const folder = openSync(dirname(file), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
