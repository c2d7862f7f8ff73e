import { check } from "./check/check.ts";
import { EVIDENCE } from "./evidence/collect.ts";
import { type Evidence, leaveAuditRecords, openEvidence } from "./evidence/search-run.ts";
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
/** So many secrets that were found are shown. */
const MOST_FINDINGS = 20;
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
    const evidence = await openEvidence();
    try {
      print(`\nStores: ${stores.map(({ name, version }) => `${name} ${version}`).join(", ")}.`);
      if (interruption.signal.aborted) return;
      await runAva(files, { ...env, [EVIDENCE]: evidence.folder }, tally, interruption.signal);
      if (interruption.signal.aborted) return;
      await leaveAuditRecords(evidence.folder, env["SOUK_TEST_NATS_URL"] as string);
      judge(await evidence.search());
    } finally {
      await evidence.remove();
      await stop();
    }
  } catch (error) {
    tally.fail("the tests could not be run", error instanceof Error ? error.message : String(error));
  }
}

/** Not one of the secrets that the tests used may stand in what the services wrote and told. */
function judge({ findings, secrets, bytes }: Awaited<ReturnType<Evidence["search"]>>): void {
  const megabytes = (bytes / 2 ** 20).toFixed(1);
  print(`\nLooked for ${secrets} secrets in ${megabytes} MB of logs, traces, audit records and error texts.`);
  if (findings.length === 0) tally.pass();
  for (const { secret, around } of findings.slice(0, MOST_FINDINGS)) {
    tally.fail(`${secret.where} was found in what the services wrote or told`, around);
  }
  if (findings.length > MOST_FINDINGS)
    tally.fail(`${findings.length - MOST_FINDINGS} more secrets were found`);
}
