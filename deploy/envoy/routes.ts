import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { ServerReflection } from "#gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionV1Alpha } from "#gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { Health } from "#gen/health/v1/health_pb.ts";
import { OperationsService } from "#gen/souk/mesh/v1/operations_pb.ts";
import { isOpenToOutside, methodName, policyOf, serviceNameOf } from "#kit/contract.ts";
import { SERVICE_HEADER } from "#kit/mesh/create-mesh.ts";
import { duration, extension, type Json, overwritten } from "./json.ts";
import { GATEWAY, type Service } from "./topology.ts";

/** What the gateway answers for the whole mesh. */
const INFRASTRUCTURE: readonly DescService[] = [ServerReflection, ServerReflectionV1Alpha, Health];
/** The gateway ends a call itself when its time is up, and says why; Envoy does it this much later, in ms. */
const EDGE_GRACE_MS = 1_000;
/** How long nothing may happen on a request of the edge while it is sent, in ms. */
export const STALLED_MS = 60_000;
/** How long the gateway may take for what is no method of a contract, in ms. */
const OTHER_MS = 10_000;

/**
 * The routes of the mesh: each method to the service that serves it, under the policy of its contract.
 * Operations go to the service that a header names, reflection and health to the gateway.
 *
 * @param contracts what is served
 * @param services who there is
 */
export function meshRoutes(contracts: readonly DescService[], services: readonly Service[]): Json[] {
  const methods = contracts.filter((it) => it !== OperationsService).flatMap((it) => it.methods);
  return [
    ...methods.map((method) => meshRoute(method, serviceNameOf(method.parent))),
    ...INFRASTRUCTURE.flatMap((it) => it.methods).map((method) => meshRoute(method, GATEWAY)),
    ...services.flatMap(({ name }) => operationsRoutes(name)),
    refusal({ prefix: `/${OperationsService.typeName}/` }, INVALID_ARGUMENT, whichService(services)),
    refusal({ prefix: "/" }, UNIMPLEMENTED, "no service of this mesh serves that method"),
  ];
}

function operationsRoutes(service: string): Json[] {
  return OperationsService.methods.map((method) => {
    const route = meshRoute(method, service);
    const headers = [{ name: SERVICE_HEADER, string_match: { exact: service } }];
    return { ...route, match: { ...route.match, headers } };
  });
}

function meshRoute(method: DescMethod, cluster: string) {
  const { timeoutMs } = policyOf(method);
  const timeout = duration(timeoutMs);
  return {
    match: { path: `/${methodName(method)}` },
    route: {
      cluster,
      // Set in this way, the time counts from the call's beginning, streams included, and a caller's own
      // shorter grpc-timeout wins.
      max_stream_duration: { max_stream_duration: timeout, grpc_timeout_header_max: timeout },
      ...retries(method),
    },
  };
}

/**
 * Repeats what the contract lets repeat: calls that were refused as UNAVAILABLE, or broke. What may be
 * hedged is also sent again when it is slow, and the first answer wins.
 */
function retries(method: DescMethod): Json {
  const { maxAttempts, initialBackoffMs, timeoutMs, hedging } = policyOf(method);
  const attempts = hedging?.maxAttempts ?? maxAttempts;
  if (attempts === 1) return {};
  // A replica that hangs leaves half of the time to another one.
  const perTryMs = hedging?.delayMs ?? timeoutMs / 2;
  return {
    retry_policy: {
      retry_on: "unavailable,connect-failure,refused-stream,reset",
      num_retries: attempts - 1,
      retry_back_off: {
        base_interval: duration(initialBackoffMs),
        max_interval: duration(initialBackoffMs * 8),
      },
      ...(!isStreaming(method) && { per_try_timeout: duration(perTryMs) }),
      retry_host_predicate: [ANOTHER_HOST],
      host_selection_retry_max_attempts: 3,
    },
    ...(hedging && { hedge_policy: { hedge_on_per_try_timeout: true } }),
  };
}

const ANOTHER_HOST = extension(
  "envoy.retry_host_predicates.previous_hosts",
  "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
);

/**
 * The routes of the edge: everything to the gateway, each method with the time that its policy gives it.
 *
 * @param contracts what is served
 * @param maxRequestBytes the largest request, in bytes
 */
export function edgeRoutes(contracts: readonly DescService[], maxRequestBytes: number): Json[] {
  const methods = [...contracts, ...INFRASTRUCTURE].flatMap((it) => it.methods).filter(isOpenToOutside);
  return [
    tooLarge(maxRequestBytes),
    ...methods.map((method) => ({
      match: { path: `/${methodName(method)}` },
      route: { cluster: GATEWAY, ...edgeTimeouts(method) },
    })),
    { match: { prefix: "/" }, route: { cluster: GATEWAY, timeout: duration(OTHER_MS) } },
  ];
}

/**
 * The time for a single message counts from its last byte, that for a stream from its beginning. Either may
 * be silent for as long as it may last.
 */
function edgeTimeouts(method: DescMethod): Json {
  const timeoutMs = policyOf(method).timeoutMs + EDGE_GRACE_MS;
  const timeout = duration(timeoutMs);
  if (isStreaming(method)) {
    return { max_stream_duration: { max_stream_duration: timeout }, idle_timeout: timeout };
  }
  return { timeout, idle_timeout: duration(Math.max(timeoutMs, STALLED_MS)) };
}

/**
 * How long a call of the edge that is no stream may take once its request has arrived, in ms.
 *
 * @param contracts what is served
 */
export function longestEdgeTimeout(contracts: readonly DescService[]): number {
  const unary = contracts.flatMap((it) => it.methods).filter((method) => !isStreaming(method));
  return Math.max(OTHER_MS, ...unary.map((method) => policyOf(method).timeoutMs + EDGE_GRACE_MS));
}

/** Refuses by the length that the caller announces; what it does not announce, the gateway counts. */
function tooLarge(maxBytes: number): Json {
  const range_match = { start: String(maxBytes + 1), end: "9223372036854775807" };
  const message = `a request may be ${maxBytes} bytes long at most`;
  return {
    match: { prefix: "/", headers: [{ name: "content-length", range_match }] },
    direct_response: {
      status: 413,
      body: { inline_string: JSON.stringify({ code: "resource_exhausted", message }) },
    },
    response_headers_to_add: [overwritten("content-type", "application/json")],
  };
}

function whichService(services: readonly Service[]): string {
  return `the header ${SERVICE_HEADER} must name the service that is meant: ${services.map(({ name }) => name).join(", ")}`;
}

/** gRPC status codes with the HTTP status that stands for each where the caller does not speak gRPC. */
const INVALID_ARGUMENT = { grpc: "3", http: 400 };
const UNIMPLEMENTED = { grpc: "12", http: 404 };

function refusal(match: Json, status: { grpc: string; http: number }, message: string): Json {
  return {
    match,
    direct_response: { status: status.http, body: { inline_string: message } },
    response_headers_to_add: [overwritten("grpc-status", status.grpc)],
  };
}

function isStreaming({ methodKind }: DescMethod): boolean {
  return methodKind !== "unary";
}
