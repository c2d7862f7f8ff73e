import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { DescMethod } from "@bufbuild/protobuf";
import test from "ava";
import fc from "fast-check";
import { files } from "#gen/contracts.ts";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { methodName, policyOf } from "#kit/contract.ts";
import { Code, codeName } from "#kit/error.ts";
import { afterFile } from "../after-file.ts";
import { arbitraryRequest } from "./arbitrary-message.ts";
import { type Ending, openTarget, type Sender, type Target } from "./fuzz-target.ts";
import { watchThread } from "./watch-thread.ts";

/** The same requests in each run, unless SOUK_FUZZ_SEED names others. */
const SEED = Number(process.env["SOUK_FUZZ_SEED"] ?? 20_261_126);
/** Requests for each method; SOUK_FUZZ_RUNS asks for more. */
const RUNS = Number(process.env["SOUK_FUZZ_RUNS"] ?? 200);
/** The methods of a service or one alone, for those who look into what was found: SOUK_FUZZ_METHOD=souk.order.v1.CartService/AddItem. */
const ONLY = process.env["SOUK_FUZZ_METHOD"];
/** Methods under way at a time. */
const AT_A_TIME = 8;
/** No method takes longer, however slow its work is; without a limit where more runs are asked for. */
const METHOD_MS = process.env["SOUK_FUZZ_RUNS"] === undefined ? 1_500 : undefined;
/** How long the test may take where more runs are asked for. */
const MORE_MS = 600_000;
/** How much more the process may hold at the end than after a first round, in bytes. */
const GROWTH = 48 * 1024 * 1024;
/** How much later than its deadline an answer may be here, on a machine that is busy. */
const GRACE_MS = 1_000;
/** A late answer tells nothing of us where others had the processor for so much of its time; it is asked for again. */
const STARVED = 0.2;
/** How often a request is sent before its late answers count, however busy the machine is. */
const TRIES = 5;
/** How long the process may work without a pause, in ms of its own processor time, whoever else wants the processor. */
const WORK_MS = 500;

/** What tells of a mistake of ours, or of work that did not end in time. */
const OUR_FAULTS: ReadonlySet<Code> = new Set([
  Code.INTERNAL,
  Code.UNKNOWN,
  Code.DATA_LOSS,
  Code.UNAVAILABLE,
  Code.DEADLINE_EXCEEDED,
  Code.UNIMPLEMENTED,
]);

/** How many calls ended in which way. */
const tally = new Map<Code, number>();
/** How many requests were sent again. */
let again = 0;
let target: Target;
const file = afterFile(test);

test.before(async () => {
  target = await openTarget(file);
});

test.serial(
  "whatever bytes a request is made of, and whoever sends it: every method answers in time, and nothing piles up",
  async (t) => {
    if (METHOD_MS === undefined) t.timeout(MORE_MS);
    const methods = files
      .flatMap(({ services }) => services)
      .flatMap((service) => service.methods)
      .filter((method) => ONLY === undefined || methodName(method).startsWith(ONLY));
    t.log(`${methods.length} methods, ${RUNS} requests each, seed ${SEED}`);
    await sendToEach(methods, Math.min(RUNS, 20), SEED + 1);
    const before = heapInUse();
    const thread = watchThread();
    const found = await sendToEach(methods, RUNS, SEED);
    const longestMs = thread.stop();
    const growth = heapInUse() - before;
    t.deepEqual(found, []);
    t.true(longestMs < WORK_MS, `nothing else could happen while the process worked for ${longestMs} ms`);
    t.true(growth < GROWTH, `${growth} bytes more are held than before`);
    t.log(`${[...tally].map(([code, count]) => `${count} ${codeName(code)}`).join(", ")}`);
    t.log(
      `${again} requests were sent again, as the machine was busy; the longest work took ${longestMs} ms`,
    );
    t.log(`the heap is ${(growth / 1_048_576).toFixed(1)} MB larger than before`);
    const good = tally.get(Code.OK) ?? 0;
    t.true(ONLY !== undefined || good > methods.length, "some of the requests are good");
  },
);

test.serial("what was written in all those calls can be read", async (t) => {
  for (const method of [CartService.method.getCart, OrderService.method.listMyOrders]) {
    const [customer] = target.sendersOf(method).slice(-1);
    t.like(await target.send(method, customer, Buffer.alloc(0)), { code: Code.OK });
  }
});

async function sendToEach(methods: readonly DescMethod[], runs: number, seed: number): Promise<string[]> {
  const waiting = [...methods];
  const found: string[] = [];
  const workOff = async () => {
    for (let method = waiting.shift(); method !== undefined; method = waiting.shift()) {
      const complaint = await findFault(method, runs, seed);
      if (complaint !== undefined) found.push(complaint);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, workOff));
  return found;
}

/** The smallest request found that a method fails at, with what replays it. */
async function findFault(method: DescMethod, runs: number, seed: number): Promise<string | undefined> {
  const senders = target.sendersOf(method);
  const property = fc.asyncProperty(
    fc.constantFrom(...senders),
    arbitraryRequest(method.input, target.ids),
    async (sender, request) => {
      const ending = await sendInTime(method, sender, request);
      const { code, message, ms } = ending;
      tally.set(code, (tally.get(code) ?? 0) + 1);
      if (OUR_FAULTS.has(code) || isLate(method, ending)) {
        throw new Error(
          `${sender.title} is answered ${codeName(code)} after ${Math.round(ms)} ms: ${message}`,
        );
      }
    },
  );
  const outcome = await fc.check(property, {
    seed,
    numRuns: runs,
    endOnFailure: false,
    interruptAfterTimeLimit: METHOD_MS,
    markInterruptAsFailure: false,
  });
  // Without a counterexample, the time was up before the first answer.
  if (!outcome.failed || outcome.counterexample === null) return undefined;
  const [sender, request] = outcome.counterexample;
  const bytes = Buffer.from(request).toString("hex");
  const replay = `SOUK_FUZZ_SEED=${seed} SOUK_FUZZ_METHOD=${methodName(method)}`;
  return `${methodName(method)}: ${(outcome.errorInstance as Error)?.message} (${sender.title} sent ${bytes.slice(0, 400)}; replay with ${replay})`;
}

/** Sends a request, and again where it is answered late while the machine had no time for this process. */
async function sendInTime(method: DescMethod, sender: Sender, request: Uint8Array): Promise<Ending> {
  for (let tries = 1; ; tries++) {
    const ending = await target.send(method, sender, request);
    const excused = isLate(method, ending) && ending.starvedMs > ending.ms * STARVED;
    if (!excused || tries === TRIES) return ending;
    again++;
  }
}

function isLate(method: DescMethod, { code, ms }: Ending): boolean {
  return code === Code.DEADLINE_EXCEEDED || ms > policyOf(method).timeoutMs + GRACE_MS;
}

function heapInUse(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
