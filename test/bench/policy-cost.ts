import { generateKeyPairSync } from "node:crypto";
import { create, type Message } from "@bufbuild/protobuf";
import { metrics as meters, trace as traces } from "@opentelemetry/api";
import { pino } from "pino";
import { createAuthenticator } from "#kit/identity/authenticator.ts";
import { serviceTokens } from "#kit/identity/service-token.ts";
import { access } from "#kit/policy/access.ts";
import { deadline } from "#kit/policy/deadline.ts";
import { idempotency } from "#kit/policy/idempotency.ts";
import { identity, SERVICE_TOKEN_HEADER } from "#kit/policy/identity.ts";
import { createLoadLimit } from "#kit/policy/load-limit.ts";
import { log } from "#kit/policy/log.ts";
import { metrics } from "#kit/policy/metrics.ts";
import { overload } from "#kit/policy/overload.ts";
import { rate } from "#kit/policy/rate.ts";
import { trace } from "#kit/policy/trace.ts";
import { validation } from "#kit/policy/validation.ts";
import { connectRedis } from "#kit/redis.ts";
import type { Handler, Interceptor, OpenCall } from "#kit/rpc/call.ts";
import { openCall } from "#kit/rpc/open-call.ts";
import { echoContract } from "../mesh/echo-contract.ts";
import { testStores } from "../stores.ts";
import type { Figure } from "./figures.ts";

const CALLS = 50_000;
const ROUNDS = 4;
const CALLERS = 16;
const GOAL_US = 60;

const noUser = () => {
  throw new Error("nobody signs in to the bench");
};

/**
 * What each policy takes of the processor for a call that it lets through: the time with it around a handler
 * that does nothing, less the time of that handler alone; and all of them together, in their order.
 */
export async function policyCost(): Promise<Figure[]> {
  const { redisUrl } = await testStores();
  const silent = pino({ level: "silent" });
  const redis = redisUrl === undefined ? undefined : connectRedis(redisUrl, 50, silent);
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = { ...publicKey.export({ format: "jwk" }), kid: "gateway" };
  const authenticator = createAuthenticator([key], async () => undefined, {
    resolve: noUser,
    onNews: () => () => {},
  });
  const token = serviceTokens("gateway", { ...privateKey.export({ format: "jwk" }), kid: "gateway" })();
  const meter = meters.getMeter("bench");
  const load = createLoadLimit(1_000);
  // More calls than the bench makes: a refusal costs something else.
  const limits = { anonymous: 100_000_000, authenticated: 0, premium: 0 };
  const policies: Readonly<Record<string, Interceptor>> = {
    overload: overload(load, authenticator).policy,
    deadline,
    trace: trace(traces.getTracer("bench")),
    log,
    metrics: metrics(meter),
    identity: identity(authenticator),
    access,
    rate: rate({ limits, redis, namespace: `bench-${process.pid}`, meter }),
    // The request of the bench is decoded already, as these two want it.
    validation: validation as Interceptor,
    idempotency: idempotency as Interceptor,
  };
  const contract = echoContract();
  const method = contract.method["unary"] as (typeof contract.methods)[number];
  const request = create(method.input, { text: "hello", number: 42n } as never);
  const headers = new Map([[SERVICE_TOKEN_HEADER, token]]);
  const open = () =>
    openCall({ method, headers, deadline: Number.POSITIVE_INFINITY }, silent, () => {
      throw new Error("the bench calls nobody");
    });

  const nothing: Handler = async (_, message) => message;
  const bare = await measure(open, request, nothing);
  const figures: Figure[] = [];
  for (const [name, policy] of Object.entries(policies)) {
    const around = policy(nothing);
    const us = await measure(open, request, around);
    figures.push({ what: `policy ${name}, us of CPU a call`, value: Math.max(0, us - bare) });
  }
  const all = Object.values(policies).reduceRight((next, policy) => policy(next), nothing);
  const us = (await measure(open, request, all)) - bare;
  figures.push({
    what: "all policies together, us of CPU a call",
    value: us,
    ratio: us / GOAL_US,
    goal: `${GOAL_US} us`,
  });
  load.stop();
  redis?.disconnect();
  return figures;
}

/** The best of some rounds: what else runs here makes it more, nothing makes it less. */
async function measure(open: () => OpenCall, request: Message, handler: Handler): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++)
    least = Math.min(least, await measureOnce(open, request, handler));
  return least;
}

/** Microseconds of CPU a call, of several callers at a time. */
async function measureOnce(open: () => OpenCall, request: Message, handler: Handler): Promise<number> {
  const before = process.cpuUsage();
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      for (let call = 0; call < CALLS / CALLERS; call++) await handler(open(), request);
    }),
  );
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
}
