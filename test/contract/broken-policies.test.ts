import test from "ava";
import { sampleContract } from "./compile.ts";
import { policyRule } from "./policies.ts";

const authenticated = "access: {authenticated: {}}";
const timeout = "timeout: {seconds: 1}";
const reads = "option idempotency_level = NO_SIDE_EFFECTS;";

/** Methods of a contract that cannot be, and what is said of each. */
const contradictions: readonly [method: string, remedy: RegExp][] = [
  ["rpc NoPolicy(M) returns (M);", /declares no policy; add option \(souk\.mesh\.v1\.policy\)/],
  [method("NoAccess", timeout), /must be one of public, authenticated, permission or callers/],
  [
    method("PublicAndSignedIn", `access: {public: {} authenticated: {}} ${timeout}`),
    /must be one of public, authenticated, permission or callers/,
  ],
  [
    method("PublicAndPermission", `access: {public: {} permission: "a:b"} ${timeout}`),
    /must be one of public, authenticated, permission or callers/,
  ],
  [
    method("PublicAndCallers", `access: {public: {} callers: ["order"]} ${timeout}`),
    /callers contradicts public; remove one/,
  ],
  [
    method("SignedInAndCallers", `access: {authenticated: {} callers: ["order"]} ${timeout}`),
    /callers contradicts authenticated; remove one/,
  ],
  [method("NoTimeout", authenticated), /timeout is missing; every call has a deadline/],
  [method("NoTime", `${authenticated} timeout: {}`), /timeout is missing; every call has a deadline/],
  [reading("KeyToRead", "idempotency: IDEMPOTENCY_KEY_OPTIONAL"), /needs no idempotency; remove it/],
  [
    writing("TooManyAttempts", "idempotency: IDEMPOTENCY_NATURAL retry: {max_attempts: 6}"),
    /retry\.max_attempts must be 2 to 5/,
  ],
  [reading("RetryOfOne", "retry: {max_attempts: 1}"), /retry\.max_attempts must be 2 to 5/],
  [writing("UnsafeRetry", "retry: {max_attempts: 3}"), /retry needs idempotency: IDEMPOTENCY_NATURAL/],
  [
    writing("RetryOfKey", "idempotency: IDEMPOTENCY_KEY_REQUIRED retry: {max_attempts: 3}"),
    /retry needs idempotency: IDEMPOTENCY_NATURAL/,
  ],
  [
    writing("HedgedWrite", "idempotency: IDEMPOTENCY_NATURAL hedging: {max_attempts: 2 delay: {seconds: 1}}"),
    /hedging sends a call twice; only a method with NO_SIDE_EFFECTS may have it/,
  ],
  [
    reading("HedgedAndRetried", "retry: {max_attempts: 2} hedging: {max_attempts: 2 delay: {seconds: 1}}"),
    /hedging contradicts retry; remove one/,
  ],
  [
    reading("TooManyHedges", "hedging: {max_attempts: 6 delay: {seconds: 1}}"),
    /hedging\.max_attempts must be 2 to 5/,
  ],
  [reading("HedgeAtOnce", "hedging: {max_attempts: 2}"), /hedging\.delay is missing; give what most/],
  [
    writing("CachedWrite", "cache: {ttl: {seconds: 1} vary: VARY_NOTHING}"),
    /cache needs option idempotency_level = NO_SIDE_EFFECTS; add it or remove cache/,
  ],
  [reading("CacheForNoTime", "cache: {vary: VARY_NOTHING}"), /cache\.ttl is missing; say how long/],
  [
    reading("CacheForWhom", "cache: {ttl: {seconds: 1}}"),
    /cache\.vary must say whether the answer depends on who asks: VARY_PRINCIPAL or VARY_NOTHING/,
  ],
  [writing("ForNothing", "rate: {cost: 0}"), /rate\.cost must be 1 or more; or remove rate/],
  [
    writing("MoreThanAll", "breaker: {failure_percentage: 101}"),
    /breaker\.failure_percentage must be 100 or less/,
  ],
  [
    `rpc KeyOfStream(stream M) returns (M) {
      option (souk.mesh.v1.policy) = {${authenticated} ${timeout} idempotency: IDEMPOTENCY_KEY_REQUIRED};
    }`,
    /only the answer of a unary method.*use another idempotency/,
  ],
  [stream("RetryOfStream", "retry: {max_attempts: 3}"), /remove retry/],
  [stream("HedgedStream", "hedging: {max_attempts: 2 delay: {seconds: 1}}"), /remove hedging/],
  [stream("CachedStream", "cache: {ttl: {seconds: 1} vary: VARY_NOTHING}"), /remove cache/],
];

function method(name: string, policy: string, more = ""): string {
  return `rpc ${name}(M) returns (M) { ${more} option (souk.mesh.v1.policy) = {${policy}}; }`;
}

function writing(name: string, policy: string): string {
  return method(name, `${authenticated} ${timeout} ${policy}`);
}

function reading(name: string, policy: string): string {
  return method(name, `${authenticated} ${timeout} ${policy}`, reads);
}

function stream(name: string, policy: string): string {
  return reading(name, policy).replace("returns (M)", "returns (stream M)");
}

/** A sound method beside them: it is not to be named. */
const SOUND = writing("Sound", "");

test("a policy that contradicts itself does not build: file, method and remedy are named", async (t) => {
  const methods = [...contradictions.map(([declared]) => declared), SOUND];
  const sample = await sampleContract(t, `message M {} service Samples { ${methods.join("\n")} }`);
  const complaints = await sample.generate();
  const names = contradictions.map(([declared]) => /rpc (\w+)/.exec(declared)?.[1]);
  t.is(complaints.length, names.length, complaints.join("\n"));
  for (const [index, [, remedy]] of contradictions.entries()) {
    const complaint = complaints[index] ?? "";
    t.true(complaint.startsWith(`proto/souk/sample/v1/sample.proto: Samples/${names[index]}: `), complaint);
    t.regex(complaint, remedy);
  }
  t.deepEqual(await sample.generated(), [], "nothing is generated beside a contradiction");
});

test("what a policy names must be there, and a name must say what the method does", async (t) => {
  const sample = await sampleContract(
    t,
    `message M {}
    service Samples {
      rpc NoPolicy(M) returns (M);
      ${method("LoosePermission", `access: {permission: "refund"} ${timeout}`)}
      ${method("StrangeCaller", `access: {callers: ["nobody"]} ${timeout}`)}
      ${method("SameCaller", `access: {callers: ["order", "order"]} ${timeout}`)}
      ${writing("ListSamples", "")}
      ${SOUND}
    }`,
  );
  const path = "souk/sample/v1/sample.proto: Samples";
  t.deepEqual(policyRule(new Set(["order"]))([await sample.compile()]), [
    `${path}/NoPolicy: declares no policy; add option (souk.mesh.v1.policy) to it`,
    `${path}/LoosePermission: the permission "refund" must have the form resource:action`,
    `${path}/StrangeCaller: there is no service "nobody" that could call; correct callers`,
    `${path}/SameCaller: callers names a service twice`,
    `${path}/ListSamples: its name says that it reads; add option idempotency_level = NO_SIDE_EFFECTS or rename it`,
  ]);
});
