import type { DescService } from "@bufbuild/protobuf";
import { policyOf } from "../contract.ts";
import type { Policy } from "../read-policy.ts";

/**
 * The gRPC service configuration of proxyless clients (gRFC A2, A6): calls go round-robin over all
 * addresses, those that failed with UNAVAILABLE are repeated and those that are slow are sent beside
 * the first as the contract allows. Repetitions have a budget: one for every five calls that succeed, and fifty
 * before the first has.
 *
 * @param contract the contract that a channel is for
 */
export function serviceConfig(contract: DescService): object {
  return {
    loadBalancingConfig: [{ round_robin: {} }],
    methodConfig: contract.methods.map((method) => ({
      name: [{ service: contract.typeName, method: method.name }],
      timeout: seconds(policyOf(method).timeoutMs),
      ...repetition(policyOf(method)),
    })),
    retryThrottling: { maxTokens: 100, tokenRatio: 0.2 },
  };
}

function repetition({ hedging, maxAttempts, initialBackoffMs }: Policy): object {
  if (hedging !== undefined) {
    const { maxAttempts, delayMs } = hedging;
    const hedgingDelay = seconds(delayMs);
    return { hedgingPolicy: { maxAttempts, hedgingDelay, nonFatalStatusCodes: REPEATABLE } };
  }
  if (maxAttempts === 1) return {};
  return {
    retryPolicy: {
      maxAttempts,
      initialBackoff: seconds(initialBackoffMs),
      maxBackoff: seconds(initialBackoffMs * 8),
      backoffMultiplier: 2,
      retryableStatusCodes: REPEATABLE,
    },
  };
}

const REPEATABLE = ["UNAVAILABLE"];

/** With all nine digits: grpc-js reads what stands behind the point as nanoseconds. */
function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(9)}s`;
}
