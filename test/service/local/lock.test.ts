import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { acquireLock } from "../../../deploy/local/lock.ts";
import { waitUntil } from "../../../deploy/local/process.ts";

function makeFolder(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), "souk-lock-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function holdElsewhere(dir: string) {
  const lockModule = join(import.meta.dirname, "../../../deploy/local/lock.ts");
  const script = `const { acquireLock } = await import(${JSON.stringify(lockModule)});
    await acquireLock(${JSON.stringify(dir)});
    console.log("held");
    setInterval(() => {}, 1000);`;
  return spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

test("who comes second is told the pid and the addresses of the first", async (t) => {
  const dir = makeFolder(t);
  const lock = await acquireLock(dir);
  await t.throwsAsync(acquireLock(dir), {
    message: new RegExp(`already running on ${dir}: process ${process.pid}\\.`),
  });
  lock.announce(["storefront http://127.0.0.1:3000", "mailbox http://127.0.0.1:8025/"]);
  await t.throwsAsync(acquireLock(dir), {
    message: new RegExp(
      `process ${process.pid}, which serves\n {2}storefront http://127.0.0.1:3000\n {2}mailbox .*\n.*kill ${process.pid}$`,
    ),
  });
});

test("a folder that was given free can be taken again", async (t) => {
  const dir = makeFolder(t);
  await (await acquireLock(dir)).release();
  const lock = await acquireLock(dir);
  await t.notThrowsAsync(lock.release());
});

test("each folder has a lock of its own, however its path is written", async (t) => {
  const [one, other] = [makeFolder(t), makeFolder(t)];
  await acquireLock(one);
  await t.notThrowsAsync(acquireLock(other));
  await t.throwsAsync(acquireLock(join(one, "..", one.split("/").at(-1) as string)));
});

test("the lock of a process that was killed is free", async (t) => {
  const dir = makeFolder(t);
  const holder = holdElsewhere(dir);
  t.teardown(() => void holder.kill("SIGKILL"));
  await once(holder.stdout, "data");
  await t.throwsAsync(acquireLock(dir), { message: new RegExp(`process ${holder.pid}`) });
  holder.kill("SIGKILL");
  await once(holder, "exit");
  const taken = () => acquireLock(dir).then(() => true);
  t.true(await waitUntil(taken, 5000));
});

test("a holder that is suspended is reported without its details", async (t) => {
  const dir = makeFolder(t);
  const holder = holdElsewhere(dir);
  t.teardown(() => void holder.kill("SIGKILL"));
  t.teardown(() => void holder.kill("SIGKILL"));
  await once(holder.stdout, "data");
  holder.kill("SIGSTOP");
  await t.throwsAsync(acquireLock(dir), { message: /in a process that does not answer/ });
});
