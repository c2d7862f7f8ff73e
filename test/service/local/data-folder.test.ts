import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { clearDataFolder, removeDiscardedData } from "../../../deploy/local/data-folder.ts";
import { acquireLock } from "../../../deploy/local/lock.ts";
import { identifyProcess, isRunning, type ProcessId } from "../../../deploy/local/process.ts";
import { withConnection } from "../../../deploy/local/stores/databases.ts";
import { startPostgres } from "../../../deploy/local/stores/postgres.ts";
import { createSupervisor } from "../../../deploy/local/supervisor.ts";
import { makePlace } from "./place.ts";

test("beginning anew leaves nothing of the data, but the programs that were brought and the lock", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const lock = await acquireLock(dir);
  mkdirSync(join(dir, "tools"));
  const options = {
    dataDir: join(dir, "postgres"),
    supervisor,
    port: 0,
    durable: false,
    env: {},
    log: t.log,
  };
  const first = await startPostgres(options);
  await withConnection(first.url, (client) => client.query("CREATE TABLE gone AS SELECT 1 AS one"));
  await first.stop();
  await clearDataFolder(dir);
  const next = createSupervisor({ dir, report: t.log });
  const second = await startPostgres({ ...options, supervisor: next });
  const sql = "SELECT to_regclass('gone') AS gone";
  const { rows } = await withConnection(second.url, (client) => client.query(sql));
  t.deepEqual(rows, [{ gone: null }]);
  await next.stop();
  await removeDiscardedData(dir);
  t.deepEqual(readdirSync(dir).sort(), ["logs", "postgres", "run", "tools"]);
  await t.throwsAsync(acquireLock(dir), { message: /already running/ });
  await lock.release();
});

test("a data folder that is not there is empty already", async (t) => {
  const { dir } = makePlace(t);
  await t.notThrowsAsync(removeDiscardedData(join(dir, "nowhere")));
  await t.notThrowsAsync(clearDataFolder(join(dir, "nowhere")));
});

test("what was left running is ended before its data go", async (t) => {
  const { dir } = makePlace(t);
  const orphan = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
  const id = identifyProcess(orphan.pid as number) as ProcessId;
  writeFileSync(join(dir, "run", "worker.pid"), JSON.stringify(id));
  await clearDataFolder(dir);
  t.false(isRunning(id));
});
