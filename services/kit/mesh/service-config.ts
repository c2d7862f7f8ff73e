import type { DescService } from "@bufbuild/protobuf";
import { policyOf } from "../contract.ts";

/**
 * The gRPC service configuration of proxyless clients (gRFC A2, A6): calls go round-robin over all
 * addresses, and those that failed with UNAVAILABLE are repeated as the contract allows.
 *
 * @param contract the contract that a channel is for
 */
export function serviceConfig(contract: DescService): object {
  return {
    loadBalancingConfig: [{ round_robin: {} }],
    methodConfig: contract.methods.map((method) => {
      const { timeoutMs, maxAttempts, initialBackoffMs } = policyOf(method);
      const retryPolicy = {
        maxAttempts,
        initialBackoff: seconds(initialBackoffMs),
        maxBackoff: seconds(initialBackoffMs * 8),
        backoffMultiplier: 2,
        retryableStatusCodes: ["UNAVAILABLE"],
      };
      return {
        name: [{ service: contract.typeName, method: method.name }],
        timeout: seconds(timeoutMs),
        ...(maxAttempts > 1 && { retryPolicy }),
      };
    }),
    retryThrottling: { maxTokens: 100, tokenRatio: 0.2 },
  };
}

function seconds(ms: number): string {
  return `${ms / 1000}s`;
}
