import type { DescMethod } from "@bufbuild/protobuf";
import test from "ava";
import fc from "fast-check";
import { contracts } from "#gen/contracts.ts";
import { isOpenToOutside, methodName } from "#kit/contract.ts";
import { afterFile } from "../after-file.ts";
import { starvedMs } from "../contract/watch-thread.ts";
import type { Outcome } from "./gateway-outcome.ts";
import { hostileRequests } from "./shop-hostile.ts";
import { type Outside, openOutside } from "./shop-outside.ts";

/** Every method that somebody outside can reach; operations go to one service each, by the mesh alone. */
const METHODS = [...contracts]
  .filter((it) => it.kind === "service")
  .filter(({ file }) => file.proto.package !== "souk.mesh.v1")
  .flatMap(({ methods }) => methods.filter(isOpenToOutside));

/** What a caller can be told of a mistake of its own; "ok" where it was none, "unimplemented" of what is yet to come. */
const CALLERS_FAULTS: ReadonlySet<string> = new Set([
  "ok",
  "invalid_argument",
  "unauthenticated",
  "permission_denied",
  "not_found",
  "already_exists",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "resource_exhausted",
  "unimplemented",
]);

/** The same requests in each run: what is found is found again. */
const SEED = Number(process.env["SOUK_FUZZ_SEED"] ?? 20_261_121);
/** Requests for each method; SOUK_FUZZ_RUNS asks for more. */
const RUNS = Number(process.env["SOUK_FUZZ_RUNS"] ?? 10);
/** How long the test may take, in ms, however many are asked for. */
const TEST_MS = 600_000;
/** Methods under way at a time. */
const AT_A_TIME = 8;
/** A late answer tells nothing of us where others had the processor for so much of its time; it is asked for again. */
const STARVED = 0.2;
/** How often a request is sent before its late answer counts, however busy the machine is. */
const TRIES = 5;

let outside: Outside;
const file = afterFile(test);

test.before(async () => {
  outside = await openOutside(file);
});

const utf8 = (text: string) => Buffer.from(text);

/** What is a request of no method. */
const MALFORMED: Readonly<Record<string, Uint8Array>> = {
  "half of an object": utf8('{"id":'),
  "a list": utf8("[{}]"),
  "a text": utf8('"id"'),
  "an unknown field": utf8('{"noSuchField":1}'),
  "fields inside of fields without end": utf8(`${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`),
  "bytes that are no UTF-8": Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]),
};

/** A field whose number has no end, and field 2,000 without its end. */
const NO_MESSAGES = [Buffer.from([0xff, 0xff, 0xff]), Buffer.from([0x82, 0x7d, 0x7f])];

for (const [what, body] of Object.entries(MALFORMED)) {
  test.serial(`${what}: no method takes it, and each says so`, async (t) => {
    for (const method of METHODS) {
      const { code, message } = await outside.send(method, body);
      t.is(code, "invalid_argument", `${methodName(method)}: ${message}`);
    }
  });
}

for (const protocol of ["connect+proto", "grpc-web+proto", "grpc+proto"] as const) {
  test.serial(
    `bytes that are no message by ${protocol}: no method takes them, and each says so`,
    async (t) => {
      for (const method of METHODS) {
        for (const body of NO_MESSAGES) {
          const { code, message, reason } = await outside.send(method, body, protocol);
          t.is(code, "invalid_argument", `${methodName(method)}: ${message}`);
          t.is(reason, "INVALID_REQUEST", methodName(method));
          t.true(message.includes(method.input.typeName), message);
        }
      }
    },
  );
}

test.serial("a megabyte and more is refused by every service", async (t) => {
  const body = utf8(JSON.stringify({ id: "x".repeat(1_100_000) }));
  for (const method of METHODS.filter(({ parent }, index) => METHODS[index - 1]?.parent !== parent)) {
    t.is((await outside.send(method, body)).code, "resource_exhausted", methodName(method));
  }
});

test.serial(
  "whatever a request holds, over HTTP/1.1 and HTTP/2, it is the caller's mistake or none, and the shop goes on",
  async (t) => {
    t.timeout(TEST_MS);
    const waiting = [...METHODS];
    let sent = 0;
    const workOff = async () => {
      for (let method = waiting.shift(); method !== undefined; method = waiting.shift()) {
        const more = await sendHostile(method);
        sent += more;
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, workOff));
    t.log(`${sent} requests to ${METHODS.length} methods, seed ${SEED}`);
    t.is(sent, METHODS.length * RUNS);
  },
);

/** @returns how many requests a method was sent */
async function sendHostile(method: DescMethod): Promise<number> {
  let sent = 0;
  const property = fc.asyncProperty(hostileRequests(method.input), fc.boolean(), async (request, http1) => {
    const body = utf8(JSON.stringify(request) ?? "");
    const answer = await sendInTime(() =>
      http1 ? outside.sendOverHttp1(method, body) : outside.send(method, body),
    );
    sent++;
    if (!CALLERS_FAULTS.has(answer.code)) throw new Error(describe(methodName(method), answer));
  });
  const outcome = await fc.check(property, {
    seed: SEED,
    numRuns: RUNS,
    endOnFailure: true,
  });
  if (outcome.failed) {
    const [request, http1] = outcome.counterexample ?? [];
    const { message } = outcome.errorInstance as Error;
    throw new Error(`${methodName(method)}: ${message} (${JSON.stringify(request)}, HTTP/1.1: ${http1})`);
  }
  return sent;
}

/** Sends a request, and again where it is answered late while the machine had no time for this process. */
async function sendInTime(send: () => Promise<Outcome>): Promise<Outcome> {
  for (let tries = 1; ; tries++) {
    const [startedAt, starvedAt] = [performance.now(), starvedMs()];
    const outcome = await send();
    const starved = (starvedMs() - starvedAt) / (performance.now() - startedAt);
    if (outcome.code !== "deadline_exceeded" || starved < STARVED || tries === TRIES) return outcome;
  }
}

function describe(method: string, { code, message }: Outcome): string {
  return `${method} answers ${code}: ${message}`;
}
