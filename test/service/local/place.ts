import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { createSupervisor, type Supervisor } from "../../../deploy/local/supervisor.ts";

/** A folder of one test, with a supervisor whose reports are kept; all of it is gone when the test is over. */
export function makePlace(t: ExecutionContext): { dir: string; supervisor: Supervisor; reports: string[] } {
  const dir = mkdtempSync(join(tmpdir(), "souk-local-"));
  const reports: string[] = [];
  const supervisor = createSupervisor({ dir, report: (line) => reports.push(line) });
  t.teardown(async () => {
    await supervisor.stop();
    rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  });
  return { dir, supervisor, reports };
}
