import { check } from "./check/check.ts";
import { print } from "./print.ts";
import { runAva } from "./run-ava.ts";
import { startTestStores } from "./stores.ts";
import { createTally } from "./tally.ts";

const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    // Whoever asks twice does not want to wait; the kernel ends what is left.
    if (interruption.signal.aborted) process.exit(130);
    interruption.abort();
  });
}

const files = process.argv.slice(2);
const tally = createTally();
if (files.length === 0) await runCheck();
if (!interruption.signal.aborted) await runTests();
if (interruption.signal.aborted) tally.fail("the run was interrupted");
tally.conclude();
process.exitCode = interruption.signal.aborted ? 130 : Math.min(tally.failed(), 1);

async function runCheck(): Promise<void> {
  const { passed, failures, skipped } = await check(interruption.signal);
  tally.pass(passed);
  for (const name of failures) tally.fail("check", name);
  for (const { name, reason } of skipped) tally.skip(`check: ${name}`, reason);
}

async function runTests(): Promise<void> {
  try {
    const { env, stores, stop } = await startTestStores();
    try {
      print(`\nStores: ${stores.map(({ name, version }) => `${name} ${version}`).join(", ")}.`);
      if (!interruption.signal.aborted) await runAva(files, env, tally, interruption.signal);
    } finally {
      await stop();
    }
  } catch (error) {
    tally.fail("the tests could not be run", error instanceof Error ? error.message : String(error));
  }
}
