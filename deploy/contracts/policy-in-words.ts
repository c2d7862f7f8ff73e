import type { DescMethod } from "@bufbuild/protobuf";
import { type Access, Idempotency } from "#gen/souk/mesh/v1/policy_pb.ts";
import { policyOf } from "#kit/contract.ts";
import type { BreakerPolicy, CachePolicy, Policy } from "#kit/read-policy.ts";

/**
 * The policy of a method, a sentence for each thing that it says.
 *
 * @param method the method
 */
export function policyInWords(method: DescMethod): string[] {
  const policy = policyOf(method);
  const { cache, cost, audit, object, breaker } = policy;
  return [
    `${accessInWords(policy.access)}.`,
    `Takes ${time(policy.timeoutMs)} at most.`,
    `${repetition(policy)}.`,
    ...(cache ? [`${cacheInWords(cache)}.`] : []),
    ...(cost > 1 ? [`Counts as ${cost} calls against the caller's rate.`] : []),
    ...(audit ? [`Each call is recorded${object === "" ? "" : `, with \`${object}\` as its object`}.`] : []),
    ...(isUsual(breaker) ? [] : [`${breakerInWords(breaker)}.`]),
  ];
}

/**
 * Who may call, in words.
 *
 * @param access what the policy says
 */
export function accessInWords({ public: anyone, authenticated, permission, callers }: Access): string {
  if (anyone) return "Anyone may call it";
  if (authenticated) return "Any signed-in user may call it";
  const services = `the ${callers.length === 1 ? "service" : "services"} ${callers.join(", ")}`;
  if (permission === "") return `Only ${services} may call it`;
  const holders = `Who holds the permission \`${permission}\` may call it`;
  return callers.length === 0 ? holders : `${holders}, and ${services}`;
}

function repetition({ readOnly, idempotency, maxAttempts, hedging }: Policy): string {
  const safety = readOnly ? "Only reads" : (SAFETY[idempotency] ?? "");
  if (hedging !== undefined) {
    return `${safety}; the mesh asks another replica when the first takes longer than ${time(hedging.delayMs)} or fails with UNAVAILABLE, ${hedging.maxAttempts} in all`;
  }
  if (maxAttempts > 1) return `${safety}; the mesh tries ${maxAttempts} times when it fails with UNAVAILABLE`;
  return safety;
}

const SAFETY: Readonly<Record<number, string>> = {
  [Idempotency.UNSPECIFIED]: "A repeated call takes effect again",
  [Idempotency.NATURAL]: "Repeating it changes nothing more",
  [Idempotency.KEY_REQUIRED]:
    "Needs the header `idempotency-key`; the same key again is answered with the stored answer",
  [Idempotency.KEY_OPTIONAL]:
    "With the header `idempotency-key` the same key again is answered with the stored answer; without it a repeated call takes effect again",
};

function cacheInWords({
  ttlMs,
  staleWhileRevalidateMs,
  staleIfErrorMs,
  tags,
  perPrincipal,
}: CachePolicy): string {
  const stale = [
    ...(staleWhileRevalidateMs > 0
      ? [`${time(staleWhileRevalidateMs)} more while a new one is fetched`]
      : []),
    ...(staleIfErrorMs > 0 ? [`${time(staleIfErrorMs)} more where none can be had`] : []),
  ];
  const kept = [`Answers are given again for ${time(ttlMs)}`, ...stale].join(", ");
  const whose = perPrincipal ? ", to each caller their own" : "";
  const ends = tags.map((tag) => `\`${tag}\``).join(", ");
  return `${kept}${whose}${tags.length === 0 ? "" : `; events that end ${ends} end them`}`;
}

function breakerInWords({ failurePercentage, minCalls, windowMs, resetMs }: BreakerPolicy): string {
  const opens = `Callers stop to call it when ${failurePercentage} % of ${minCalls} calls or more in ${time(windowMs)} fail`;
  return resetMs === undefined ? opens : `${opens}, for ${time(resetMs)}`;
}

function isUsual({ failurePercentage, minCalls, windowMs, resetMs }: BreakerPolicy): boolean {
  return failurePercentage === 50 && minCalls === 10 && windowMs === 10_000 && resetMs === undefined;
}

/**
 * A length of time as people write it.
 *
 * @param ms its length in ms
 */
export function time(ms: number): string {
  const units = [
    [3_600_000, "h"],
    [60_000, "min"],
    [1_000, "s"],
  ] as const;
  const [size, unit] = units.find(([length]) => ms >= length && ms % length === 0) ?? [1, "ms"];
  return `${ms / size} ${unit}`;
}
