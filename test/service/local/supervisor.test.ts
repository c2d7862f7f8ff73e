import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import type { ChildSpec } from "../../../deploy/local/child.ts";
import { identifyProcess, isRunning, type ProcessId, waitUntil } from "../../../deploy/local/process.ts";
import { createSupervisor } from "../../../deploy/local/supervisor.ts";
import { makePlace } from "./place.ts";

const isUp = () => true;
const shell = (name: string, script: string, more: Partial<ChildSpec> = {}): ChildSpec => ({
  name,
  command: "sh",
  args: ["-c", script],
  ready: isUp,
  ...more,
});

test("a child that dies is started again after growing pauses, and each death is one line", async (t) => {
  const { dir, supervisor, reports } = makePlace(t);
  const child = await supervisor.start(shell("worker", "sleep 0.01; exit 3"));
  t.true(await waitUntil(() => child.restarts() >= 3, 30_000));
  await child.stop();
  const log = join(dir, "logs", "worker.log");
  t.deepEqual(reports.slice(0, 3), [
    `worker exited with code 3; starting it again in 0.1 s (log: ${log})`,
    `worker exited with code 3; starting it again in 0.2 s (log: ${log})`,
    `worker exited with code 3; starting it again in 0.4 s (log: ${log})`,
  ]);
});

test("a child that does not come up is an error that ends with its log", async (t) => {
  const { supervisor } = makePlace(t);
  const dies = shell("dies", "echo no such setting >&2; exit 2", { ready: () => false });
  await t.throwsAsync(supervisor.start(dies), {
    message: /^dies exited with code 2\. The end of .*dies\.log:\n {2}\| no such setting$/,
  });
  const hangs = shell("hangs", "echo still loading; exec sleep 60", {
    ready: () => false,
    readyWithinMs: 3_000,
  });
  await t.throwsAsync(supervisor.start(hangs), {
    message: /^hangs was not ready within 3 s\. The end of .*\n {2}\| still loading$/,
  });
  t.deepEqual(supervisor.children(), []);
});

test("a readiness probe that never answers counts as no", async (t) => {
  const { supervisor } = makePlace(t);
  const spec = shell("mute", "exec sleep 60", { ready: () => new Promise(() => {}), readyWithinMs: 300 });
  await t.throwsAsync(supervisor.start(spec), { message: /not ready within 0\.3 s/ });
});

test("children end in the reverse order of their start", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const order = join(dir, "order");
  for (const name of ["first", "second", "third"]) {
    const ready = join(dir, name);
    await supervisor.start(
      shell(
        name,
        `trap 'echo ${name} >> ${order}; exit' TERM; touch ${ready}; while :; do sleep 0.01; done`,
        {
          ready: () => existsSync(ready),
        },
      ),
    );
  }
  await supervisor.stop();
  t.is(readFileSync(order, "utf8"), "third\nsecond\nfirst\n");
});

test("a child that ignores the request to end is killed with all that it started", async (t) => {
  const { dir } = makePlace(t);
  const supervisor = createSupervisor({ dir, report: t.log, stopWithinMs: 200 });
  const file = join(dir, "grandchild");
  const child = await supervisor.start(
    shell("deaf", `trap '' TERM; sleep 60 & echo $! > ${file}; while :; do sleep 0.01; done`, {
      ready: () => existsSync(file) && readFileSync(file, "utf8") !== "",
    }),
  );
  const ids = [child.pid() as number, Number(readFileSync(file, "utf8"))].map(identifyProcess) as ProcessId[];
  await supervisor.stop();
  t.true(await waitUntil(() => !ids.some(isRunning), 10_000));
});

test("the log of the start before is kept", async (t) => {
  const { dir, supervisor } = makePlace(t);
  for (const word of ["old", "new"]) {
    const log = join(dir, "logs", "talker.log");
    const child = await supervisor.start(
      shell("talker", `echo ${word}; exec sleep 60`, { ready: () => readFileSync(log, "utf8") !== "" }),
    );
    await child.stop();
  }
  t.is(readFileSync(join(dir, "logs", "talker.1.log"), "utf8"), "old\n");
  t.is(readFileSync(join(dir, "logs", "talker.log"), "utf8"), "new\n");
});

test("what a killed supervisor left behind is ended by the next one of the same folder", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const orphan = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
  const id = identifyProcess(orphan.pid as number) as ProcessId;
  writeFileSync(join(dir, "run", "worker.pid"), JSON.stringify(id));
  await supervisor.start(shell("worker", "exec sleep 60"));
  t.false(isRunning(id));
});

test("a pid file whose number belongs to another process by now harms nobody", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const innocent = spawn("sleep", ["60"], { stdio: "ignore" });
  t.teardown(() => void innocent.kill());
  const id = identifyProcess(innocent.pid as number) as ProcessId;
  writeFileSync(join(dir, "run", "worker.pid"), JSON.stringify({ ...id, startedAt: id.startedAt - 1 }));
  await supervisor.start(shell("worker", "exec sleep 60"));
  t.true(isRunning(id));
});

test("a supervisor that is killed with SIGKILL leaves nothing running", async (t) => {
  const { dir } = makePlace(t);
  const script = join(import.meta.dirname, "supervise.ts");
  const process_ = spawn(process.execPath, [script, dir], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(process_.stdout.setEncoding("utf8"), "data");
  const children: ProcessId[] = JSON.parse(String(line));
  t.is(children.length, 3);
  t.true(children.every(isRunning));
  process_.kill("SIGKILL");
  t.true(await waitUntil(() => !children.some(isRunning), 20_000));
});
