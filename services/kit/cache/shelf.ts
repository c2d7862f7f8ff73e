import { type DescMethod, fromBinary, type Message } from "@bufbuild/protobuf";
import { methodName, policyOf } from "../contract.ts";
import type { CachePolicy } from "../read-policy.ts";
import { type Encoded, isEncoded } from "../rpc/call.ts";
import type { Entry } from "./entry.ts";
import type { Verdict } from "./invalidations.ts";
import { readTags } from "./tags.ts";

/** Where the answers of one method are remembered. */
export interface Shelf {
  readonly method: DescMethod;
  /** The full name of the method. */
  readonly name: string;
  readonly policy: CachePolicy;
  /** Whether events can end the life of an answer; otherwise only time does. */
  readonly isTagged: boolean;
  /** How long an answer is of any use, in ms since it was loaded. */
  readonly lifeMs: number;
  /** What HTTP caches are told of each answer (RFC 9111, RFC 5861). */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** How many answers were given, how, and how many were found to be overtaken by events. */
  readonly counts: { hit: number; miss: number; stale: number; overtaken: number };
  /** What an answer tells of. */
  tagsOf(answer: Message, request: Message | Encoded): string[];
}

/** What an answer is still good for: it is fresh, it may be given while a new one is fetched, or where none can be had. */
export type Use = "fresh" | "stale" | "spare";

/**
 * Makes the shelf of a method.
 *
 * @param method a method whose policy has its answers remembered
 * @throws Error that names the tag and the field that is not there
 */
export function createShelf(method: DescMethod): Shelf {
  const policy = policyOf(method).cache as CachePolicy;
  const read = readTags(policy.tags, method.output, method.input);
  const asksRequest = policy.tags.some((tag) => tag.includes("{request."));
  return {
    method,
    name: methodName(method),
    policy,
    isTagged: policy.tags.length > 0,
    lifeMs: policy.ttlMs + Math.max(policy.staleWhileRevalidateMs, policy.staleIfErrorMs),
    headers: headersOf(method, policy),
    counts: { hit: 0, miss: 0, stale: 0, overtaken: 0 },
    tagsOf(answer, request) {
      if (!asksRequest) return read(answer);
      return read(answer, isEncoded(request) ? fromBinary(method.input, request.encoded) : request);
    },
  };
}

/**
 * What an answer is good for now.
 *
 * @param entry the answer
 * @param verdict what is known of it
 * @param policy how long it may be given
 */
export function useOf(entry: Entry, verdict: Verdict, policy: CachePolicy): Use | undefined {
  if (verdict === "overtaken") return undefined;
  const ageMs = Date.now() - entry.loadTime;
  if (verdict === "good") {
    if (ageMs < policy.ttlMs) return "fresh";
    if (ageMs < policy.ttlMs + policy.staleWhileRevalidateMs) return "stale";
  }
  return ageMs < policy.ttlMs + policy.staleIfErrorMs ? "spare" : undefined;
}

function headersOf(method: DescMethod, policy: CachePolicy): [string, string][] {
  const isForAll = policyOf(method).access.public !== undefined && !policy.perPrincipal;
  const control = [isForAll ? "public" : "private", `max-age=${toSeconds(policy.ttlMs)}`];
  if (policy.staleWhileRevalidateMs > 0)
    control.push(`stale-while-revalidate=${toSeconds(policy.staleWhileRevalidateMs)}`);
  if (policy.staleIfErrorMs > 0) control.push(`stale-if-error=${toSeconds(policy.staleIfErrorMs)}`);
  const headers: [string, string][] = [["cache-control", control.join(", ")]];
  return isForAll ? headers : [...headers, ["vary", "authorization"]];
}

function toSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}
