import { isIPv6 } from "node:net";
import type { Meter } from "@opentelemetry/api";
import type { Redis } from "ioredis";
import type { MeshSettings } from "../config.ts";
import { MeshReason, refuseMesh } from "../error.ts";
import type { Interceptor, OpenCall } from "../rpc/call.ts";
import { GATEWAY } from "./identity.ts";
import { type Budget, createBudget, type Spending, WINDOW_SECONDS } from "./rate-budget.ts";

/** How many calls a minute a caller may make, by tier; 0 for any number. */
export interface RateLimits {
  /** Whoever is not signed in, by address. */
  readonly anonymous: number;
  /** Whoever is signed in. */
  readonly authenticated: number;
  /** Whoever is signed in and has the role "premium". */
  readonly premium: number;
}

/** What rates are limited with. */
export interface RateOptions {
  readonly limits: RateLimits;
  /** Where all replicas count together; each counts for itself without it, and while it is away. */
  readonly redis: Redis | undefined;
  /** Keeps the counts of several meshes on one Redis apart. */
  readonly namespace: string;
  readonly meter: Meter;
}

/**
 * The limits that the settings of a process say.
 *
 * @param settings the settings of the mesh
 */
export function rateSettings(settings: MeshSettings): Pick<RateOptions, "limits" | "namespace"> {
  return {
    limits: {
      anonymous: settings.SOUK_RATE_ANONYMOUS,
      authenticated: settings.SOUK_RATE_AUTHENTICATED,
      premium: settings.SOUK_RATE_PREMIUM,
    },
    namespace: settings.SOUK_EVENT_NAMESPACE,
  };
}

/** With these gRPC clients (gRFC A6) and Envoy count attempts, the former from the second on. */
const PREVIOUS_ATTEMPTS_HEADER = "grpc-previous-rpc-attempts";
const ENVOY_ATTEMPT_HEADER = "x-envoy-attempt-count";

type Tier = keyof RateLimits;

const PREMIUM = "premium";
/** The budget of those of whom nothing at all is known; they share it. */
const UNKNOWN = "unknown";

/** The budgets of callers. */
export interface Rates {
  /**
   * Counts a call against the budget of whoever makes it, and tells how much is left
   * (draft-ietf-httpapi-ratelimit-headers-10).
   *
   * @param tier the limit that counts
   * @param payer whose budget of that tier it is
   * @param cost as how many calls it counts
   * @param tell gets what is said of the budget beside the answer
   * @throws SoukError RATE_LIMITED
   */
  charge(tier: Tier, payer: string, cost: number, tell: (name: string, value: string) => void): Promise<void>;
}

/**
 * Opens the budgets of callers.
 *
 * @param options the limits, and where they are kept
 */
export function openRates({ limits, redis, namespace, meter }: RateOptions): Rates {
  const refused = meter.createCounter("souk.rate.refused", {
    description: "Calls that were refused because their caller made too many, by tier",
  });
  const draws = meter.createCounter("souk.rate.draws", {
    description: "Times that points were drawn from the budgets that all replicas share, by tier",
  });
  const budgets = new Map<Tier, Budget>();
  for (const tier of ["anonymous", "authenticated", "premium"] as const) {
    if (limits[tier] === 0) continue;
    const labels = { tier };
    const onDraw = () => draws.add(1, labels);
    budgets.set(
      tier,
      createBudget({ prefix: `${namespace}:rate:${tier}`, points: limits[tier], redis, onDraw }),
    );
  }

  return {
    async charge(tier, payer, cost, tell) {
      const budget = budgets.get(tier);
      if (budget === undefined || cost === 0) return;
      const spending = budget.spend(payer, cost);
      const spent = spending instanceof Promise ? await spending : spending;
      const { left, resetMs } = spent;
      tell("ratelimit-policy", `"${tier}";q=${budget.points};w=${WINDOW_SECONDS}`);
      tell("ratelimit", `"${tier}";r=${left};t=${Math.ceil(resetMs / 1_000)}`);
      if (spent.allowed) return;
      refused.add(1, { tier });
      throw tooMany(tier, budget, spent);
    },
  };
}

/**
 * Counts calls against the budget of whoever makes them and refuses those that go beyond it. A call counts
 * where it enters the mesh: what services, jobs and operators do is not counted.
 *
 * @param options the limits, and where they are kept
 */
export function rate(options: RateOptions): Interceptor {
  const rates = openRates(options);
  return (next) => async (call, request) => {
    const tier = tierOf(call);
    if (tier !== undefined) {
      await rates.charge(tier, payerOf(call), call.policy.cost, (name, value) =>
        call.responseHeaders.set(name, value),
      );
    }
    return next(call, request);
  };
}

/** Whose limit a call counts against; undefined where it does not count. */
function tierOf(call: OpenCall): Tier | undefined {
  const { caller, principal } = call;
  if (!isFromOutside(call) || (caller === GATEWAY && isRepeated(call))) return undefined;
  if (principal.kind !== "user") return "anonymous";
  return principal.roles.includes(PREMIUM) ? "premium" : "authenticated";
}

/** Whether a call enters the mesh: what services, jobs and operators do does not. */
export function isFromOutside({ caller, principal }: OpenCall): boolean {
  if (caller !== undefined && caller !== GATEWAY) return false;
  // The gateway itself calls for those who did not say who they are.
  return principal.kind !== "service" || principal.name === GATEWAY;
}

/** Whether the mesh itself sends a call once more; what it says of that is believed from the gateway alone. */
function isRepeated({ headers }: OpenCall): boolean {
  if (headers.get(PREVIOUS_ATTEMPTS_HEADER) !== undefined) return true;
  return Number(headers.get(ENVOY_ATTEMPT_HEADER) ?? 1) > 1;
}

/** Whose budget a call counts against that comes from outside: a user, or an address. */
export function payerOf({ principal, clientAddress }: OpenCall): string {
  return principal.kind === "user" ? principal.id : payerAt(clientAddress);
}

/**
 * Whose budget a call counts against that nobody signed in for.
 *
 * @param clientAddress where it came from, as far as that is known
 */
export function payerAt(clientAddress: string | undefined): string {
  return clientAddress === undefined ? UNKNOWN : networkOf(clientAddress);
}

/**
 * The part of an address that one customer of a network provider cannot choose: all of an IPv4 address, the
 * first 64 bits of an IPv6 address (RFC 6177).
 *
 * @param address the address
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = [], tail = []] = address.split("::").map((side) => side.split(":").filter(Boolean));
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => "0");
  const groups = [...head, ...zeros, ...tail].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}

function tooMany(tier: Tier, { points }: Budget, { resetMs }: Spending) {
  return refuseMesh(
    MeshReason.RATE_LIMITED,
    `${points} calls a minute are the limit for ${tier} callers; try again in ${Math.ceil(resetMs / 1_000)} s`,
    { retryAfterMs: resetMs, metadata: { tier, limit: String(points) } },
  );
}
