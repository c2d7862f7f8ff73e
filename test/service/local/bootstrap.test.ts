import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { identifyProcess, isRunning, type ProcessId, waitUntil } from "../../../deploy/local/process.ts";

const bootstrap = join(import.meta.dirname, "../../../deploy/local/bootstrap.mjs");

function start(t: ExecutionContext, script: string, ...args: string[]) {
  const dir = mkdtempSync(join(tmpdir(), "souk-bootstrap-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, "script.ts");
  writeFileSync(file, script);
  const child = spawn(process.execPath, [bootstrap, file, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  child.stdout.setEncoding("utf8");
  t.teardown(() => void child.kill("SIGKILL"));
  return child;
}

test("a TypeScript program gets its arguments, and its exit code comes back", async (t) => {
  const child = start(t, `const [code]: string[] = process.argv.slice(2); process.exit(Number(code));`, "7");
  t.deepEqual(await once(child, "exit"), [7, null]);
});

test("a signal is passed on, and the program decides what becomes of it", async (t) => {
  const child = start(
    t,
    `let signals: number = 0;
     process.on("SIGINT", () => { signals += 1; setTimeout(() => process.exit(10 + signals), 100); });
     setInterval(() => {}, 1000);
     console.log("ready");`,
  );
  await once(child.stdout, "data");
  child.kill("SIGINT");
  t.deepEqual(await once(child, "exit"), [11, null]);
});

test("a program that is ended by a signal ends its caller in the same way", async (t) => {
  const child = start(t, `setInterval(() => {}, 1000); console.log("ready");`);
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  t.deepEqual(await once(child, "exit"), [null, "SIGTERM"]);
});

test("a program does not outlive a caller that is killed", async (t) => {
  const child = start(t, `setInterval(() => {}, 1000); console.log(process.pid);`);
  const [pid] = await once(child.stdout, "data");
  const id = identifyProcess(Number(pid)) as ProcessId;
  child.kill("SIGKILL");
  t.true(await waitUntil(() => !isRunning(id), 10_000));
});
