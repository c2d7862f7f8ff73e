import { create, type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { type Duration, MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import {
  type Access,
  AccessSchema,
  type Cache,
  type Hedging,
  Idempotency,
  type MethodPolicy,
  policy as policyOption,
  Vary,
} from "#gen/souk/mesh/v1/policy_pb.ts";

/** The policy of a method, read once from its contract. */
export interface Policy {
  /** Who may call. */
  readonly access: Access;
  /** How long a call may take in all, in ms. */
  readonly timeoutMs: number;
  /** Attempts in all, the first one included; 1 means that a failed call is not repeated. */
  readonly maxAttempts: number;
  /** The back-off before the first repetition, in ms. */
  readonly initialBackoffMs: number;
  /** How a slow call is sent again beside the first; undefined where it is not. */
  readonly hedging: { readonly maxAttempts: number; readonly delayMs: number } | undefined;
  /** What makes it safe to repeat a call. */
  readonly idempotency: Idempotency;
  /** Whether the method only reads. */
  readonly readOnly: boolean;
  /** How answers are remembered; undefined where they are not. */
  readonly cache: CachePolicy | undefined;
  /** How many calls one counts as, against the rate limit of its caller. */
  readonly cost: number;
  /** Whether calls are recorded. */
  readonly audit: boolean;
  /** Where the id of what the call is about stands; "" where it is about nothing. */
  readonly object: string;
  /** When callers stop to call the method. */
  readonly breaker: BreakerPolicy;
}

/** How answers are remembered. */
export interface CachePolicy {
  readonly ttlMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  /** Texts with fields of the answer, or of the request, in braces. */
  readonly tags: readonly string[];
  /** Whether the answer depends on who asks. */
  readonly perPrincipal: boolean;
}

/** When a breaker opens and closes. */
export interface BreakerPolicy {
  /** In percent of the calls in the window. */
  readonly failurePercentage: number;
  readonly minCalls: number;
  readonly windowMs: number;
  /** Undefined where the mesh's setting decides. */
  readonly resetMs: number | undefined;
}

const USUAL_BREAKER: BreakerPolicy = {
  failurePercentage: 50,
  minCalls: 10,
  windowMs: 10_000,
  resetMs: undefined,
};

/** gRPC's own services (health, reflection) carry no options of ours; anyone may call them. */
const INFRASTRUCTURE: Policy = {
  access: create(AccessSchema, { public: {} }),
  timeoutMs: 3_600_000,
  maxAttempts: 1,
  initialBackoffMs: 50,
  hedging: undefined,
  idempotency: Idempotency.UNSPECIFIED,
  readOnly: true,
  cache: undefined,
  cost: 0,
  audit: false,
  object: "",
  breaker: USUAL_BREAKER,
};

/**
 * Reads the policy from the options of a method.
 *
 * @param method the method
 * @param name what to call it in errors
 * @throws Error that names the method and the remedy when it declares none, or one that contradicts itself
 */
export function readPolicy(method: DescMethod, name: string): Policy {
  if (method.parent.file.proto.package.startsWith("grpc.")) return INFRASTRUCTURE;
  const contradiction = contradictionOf(method);
  if (contradiction !== undefined) throw new Error(`${name}: ${contradiction}`);
  const declared = getOption(method, policyOption);
  const readOnly = isReadOnly(method);
  const { access, timeout, retry, idempotency, cache, rate, audit, object, hedging, breaker } = declared;
  return {
    access: access as Access,
    timeoutMs: toMs(timeout) as number,
    maxAttempts: retry?.maxAttempts ?? 1,
    initialBackoffMs: toMs(retry?.initialBackoff) ?? 50,
    hedging: hedging && { maxAttempts: hedging.maxAttempts, delayMs: toMs(hedging.delay) as number },
    idempotency,
    readOnly,
    cache: cache && readCache(cache),
    cost: rate?.cost ?? 1,
    audit,
    object,
    breaker: {
      failurePercentage: breaker?.failurePercentage || USUAL_BREAKER.failurePercentage,
      minCalls: breaker?.minCalls || USUAL_BREAKER.minCalls,
      windowMs: toMs(breaker?.window) ?? USUAL_BREAKER.windowMs,
      resetMs: toMs(breaker?.reset),
    },
  };
}

function readCache(cache: Cache): CachePolicy {
  return {
    ttlMs: toMs(cache.ttl) as number,
    staleWhileRevalidateMs: toMs(cache.staleWhileRevalidate) ?? 0,
    staleIfErrorMs: toMs(cache.staleIfError) ?? 0,
    tags: cache.tags,
    perPrincipal: cache.vary === Vary.PRINCIPAL,
  };
}

/**
 * What in the policy of a method cannot be, with the remedy.
 *
 * @param method the method
 * @returns undefined when all is well
 */
export function contradictionOf(method: DescMethod): string | undefined {
  if (!hasOption(method, policyOption)) return "declares no policy; add option (souk.mesh.v1.policy) to it";
  const policy = getOption(method, policyOption);
  return findContradiction(policy, isReadOnly(method)) ?? streamContradiction(policy, method);
}

function isReadOnly({ idempotency }: DescMethod): boolean {
  return idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
}

function findContradiction(policy: MethodPolicy, readOnly: boolean): string | undefined {
  const { access, timeout, retry, idempotency, hedging, cache, rate, breaker } = policy;
  const kinds = [access?.public, access?.authenticated, access?.permission].filter(Boolean).length;
  if (access === undefined || kinds > 1 || kinds + access.callers.length === 0) {
    return "access must be one of public, authenticated, permission or callers";
  }
  if (access.callers.length > 0 && access.permission === "" && kinds > 0) {
    return `callers contradicts ${access.public ? "public" : "authenticated"}; remove one`;
  }
  if (!isPositive(timeout)) return "timeout is missing; every call has a deadline";
  if (readOnly && idempotency !== Idempotency.UNSPECIFIED) {
    return "a method without side effects needs no idempotency; remove it";
  }
  if (retry !== undefined && (retry.maxAttempts < 2 || retry.maxAttempts > 5)) {
    return "retry.max_attempts must be 2 to 5";
  }
  if (retry !== undefined && !readOnly && idempotency !== Idempotency.NATURAL) {
    return "retry needs idempotency: IDEMPOTENCY_NATURAL or NO_SIDE_EFFECTS";
  }
  if (rate !== undefined && rate.cost === 0) return "rate.cost must be 1 or more; or remove rate";
  if (breaker !== undefined && breaker.failurePercentage > 100) {
    return "breaker.failure_percentage must be 100 or less";
  }
  return (
    (hedging && hedgingContradiction(hedging, policy, readOnly)) ??
    (cache && cacheContradiction(cache, policy, readOnly))
  );
}

/** Nobody but its caller can repeat a stream, and nobody remembers one. */
function streamContradiction(
  { retry, hedging, cache, idempotency }: MethodPolicy,
  { methodKind }: DescMethod,
): string | undefined {
  if (methodKind === "unary") return undefined;
  if (retry !== undefined) return "a stream cannot be repeated by others than its caller; remove retry";
  if (hedging !== undefined) return "a stream cannot be sent twice; remove hedging";
  if (cache !== undefined) return "a stream is not remembered; remove cache";
  if (idempotency === Idempotency.KEY_REQUIRED || idempotency === Idempotency.KEY_OPTIONAL) {
    return "only the answer of a unary method can be stored and replayed; use another idempotency";
  }
  return undefined;
}

function hedgingContradiction(
  { maxAttempts, delay }: Hedging,
  { retry }: MethodPolicy,
  readOnly: boolean,
): string | undefined {
  if (!readOnly) return "hedging sends a call twice; only a method with NO_SIDE_EFFECTS may have it";
  if (retry !== undefined) return "hedging contradicts retry; remove one";
  if (maxAttempts < 2 || maxAttempts > 5) return "hedging.max_attempts must be 2 to 5";
  if (!isPositive(delay)) return "hedging.delay is missing; give what most answers need";
  return undefined;
}

function cacheContradiction(
  { ttl, vary }: Cache,
  { access }: MethodPolicy,
  readOnly: boolean,
): string | undefined {
  if (!readOnly) return "cache needs option idempotency_level = NO_SIDE_EFFECTS; add it or remove cache";
  if (!isPositive(ttl)) return "cache.ttl is missing; say how long an answer is fresh";
  if (vary === Vary.UNSPECIFIED && access?.public === undefined) {
    return "cache.vary must say whether the answer depends on who asks: VARY_PRINCIPAL or VARY_NOTHING";
  }
  return undefined;
}

function isPositive(duration: Duration | undefined): boolean {
  return duration !== undefined && (duration.seconds > 0n || duration.nanos > 0);
}

function toMs(duration: Duration | undefined): number | undefined {
  return duration && Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}
