import { isIP } from "node:net";
import { duration, type Json, socketAddress, typed } from "./json.ts";
import { type Address, GATEWAY, type Topology } from "./topology.ts";

/** Calls under way to one cluster at a time; every stream that somebody watches is one of them. */
export const MAX_CALLS = 10_000;
const CONNECT_MS = 1_000;
/** The gateway closes connections that were idle for five minutes: Envoy is to be first. */
const IDLE_MS = 240_000;
/** gRPC servers may refuse pings that come more often than every five minutes (gRFC A8). */
const PING_EVERY_MS = 300_000;
const PING_TIMEOUT_MS = 10_000;

/**
 * The clusters: one a service under the service's name, and the gateway's.
 *
 * @param topology who is where
 */
export function clusters({ services, gateway }: Topology): Json[] {
  return [...services, { name: GATEWAY, addresses: gateway }].map(({ name, addresses }) => ({
    name,
    ...discovery(addresses),
    connect_timeout: duration(CONNECT_MS),
    lb_policy: "ROUND_ROBIN",
    load_assignment: {
      cluster_name: name,
      endpoints: [
        { lb_endpoints: addresses.map((address) => ({ endpoint: { address: socketAddress(address) } })) },
      ],
    },
    typed_extension_protocol_options: HTTP2,
    upstream_connection_options: {
      tcp_keepalive: { keepalive_time: 60, keepalive_interval: 10, keepalive_probes: 3 },
    },
    health_checks: [HEALTH_CHECK],
    common_lb_config: {
      // Where no replica at all is known to be healthy, calls go to those there are: one that has just
      // come up serves at once, and one that is down refuses them anyway.
      healthy_panic_threshold: { value: 1 },
    },
    outlier_detection: OUTLIER_DETECTION,
    circuit_breakers: CIRCUIT_BREAKERS,
  }));
}

/** Addresses are taken as they are, names are looked up again and again: every record is a replica. */
function discovery(addresses: readonly Address[]): Json {
  if (addresses.every(({ host }) => isIP(host) !== 0)) return { type: "STATIC" };
  return {
    type: "STRICT_DNS",
    dns_lookup_family: "V4_PREFERRED",
    dns_refresh_rate: duration(5_000),
    dns_failure_refresh_rate: { base_interval: duration(500), max_interval: duration(5_000) },
    // A replica whose record is gone is gone, however healthy its last minutes look.
    ignore_health_on_host_removal: true,
  };
}

const HTTP2 = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    {
      common_http_protocol_options: { idle_timeout: duration(IDLE_MS) },
      explicit_http_config: {
        http2_protocol_options: {
          max_concurrent_streams: 1_000,
          initial_stream_window_size: 1_048_576,
          initial_connection_window_size: 16_777_216,
          connection_keepalive: { interval: duration(PING_EVERY_MS), timeout: duration(PING_TIMEOUT_MS) },
        },
      },
    },
  ),
};

/** Asks for the health of the process as a whole (grpc.health.v1, the empty service name). */
const HEALTH_CHECK = {
  grpc_health_check: {},
  interval: duration(1_000),
  interval_jitter_percent: 10,
  no_traffic_interval: duration(1_000),
  // A service looks at its own dependencies for a second at most before it answers.
  timeout: duration(2_000),
  unhealthy_threshold: 2,
  healthy_threshold: 1,
  unhealthy_interval: duration(250),
  unhealthy_edge_interval: duration(250),
};

/**
 * Puts a replica aside that cannot be reached. What a replica answers never counts: an error is an answer,
 * and whether a replica can serve is what the health check asks.
 */
const OUTLIER_DETECTION = {
  split_external_local_origin_errors: true,
  consecutive_local_origin_failure: 3,
  enforcing_consecutive_local_origin_failure: 100,
  enforcing_local_origin_success_rate: 0,
  enforcing_consecutive_5xx: 0,
  enforcing_consecutive_gateway_failure: 0,
  enforcing_success_rate: 0,
  interval: duration(1_000),
  base_ejection_time: duration(1_000),
  max_ejection_time: duration(10_000),
  // Never the only one, and never more than half.
  max_ejection_percent: 50,
};

const CIRCUIT_BREAKERS = {
  thresholds: [
    {
      max_connections: 100,
      max_pending_requests: MAX_CALLS,
      max_requests: MAX_CALLS,
      retry_budget: { budget_percent: { value: 20 }, min_retry_concurrency: 3 },
    },
  ],
};
