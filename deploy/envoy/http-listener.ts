import { duration, extension, type Json, socketAddress, typed } from "./json.ts";
import type { Address } from "./topology.ts";

/** What the listeners do not have in common. */
export interface HttpListenerOptions {
  /** Names the listener, its routes and its statistics. */
  readonly name: string;
  readonly address: Address;
  /** How much Envoy holds of what one side sends faster than the other takes it, in bytes. */
  readonly bufferBytes: number;
  readonly routes: readonly Json[];
  /** Headers of requests that go no further. */
  readonly removedHeaders: readonly string[];
  /** Headers that every request gets on its way. */
  readonly addedHeaders: readonly Json[];
  /** Filters before the router. */
  readonly filters: readonly Json[];
  readonly accessLog: readonly Json[];
  /** More settings of the connection manager. */
  readonly manager: Json;
}

/** With these headers callers would set timeouts and repetitions that their contracts do not allow. */
const ENVOY_HEADERS = [
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-hedge-on-per-try-timeout",
  "x-envoy-max-retries",
  "x-envoy-retriable-header-names",
  "x-envoy-retriable-status-codes",
  "x-envoy-retry-grpc-on",
  "x-envoy-retry-on",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-stream-duration-ms",
];

/**
 * A listener for HTTP/1.1 and HTTP/2 on one port.
 *
 * @param options what is its own
 */
export function httpListener(options: HttpListenerOptions): Json {
  const { name, address, bufferBytes, routes, removedHeaders, addedHeaders, filters, accessLog, manager } =
    options;
  const connectionManager = extension(
    "envoy.filters.network.http_connection_manager",
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    {
      stat_prefix: name,
      codec_type: "AUTO",
      route_config: {
        name,
        // What is sent once more says so, and does not count against the rate of its caller again.
        virtual_hosts: [{ name, domains: ["*"], routes, include_request_attempt_count: true }],
        ...(addedHeaders.length > 0 && { request_headers_to_add: addedHeaders }),
      },
      http_filters: [...filters, ROUTER],
      access_log: accessLog,
      early_header_mutation_extensions: [removal([...ENVOY_HEADERS, ...removedHeaders])],
      // The id that a caller sends is kept as it is, so that it finds its request again in every log.
      preserve_external_request_id: true,
      request_id_extension: KEPT_REQUEST_ID,
      server_header_transformation: "PASS_THROUGH",
      use_remote_address: true,
      normalize_path: true,
      path_with_escaped_slashes_action: "REJECT_REQUEST",
      ...manager,
    },
  );
  return {
    name,
    address: socketAddress(address),
    per_connection_buffer_limit_bytes: bufferBytes,
    filter_chains: [{ filters: [connectionManager] }],
  };
}

/**
 * HTTP/2 towards callers; those that went away without a word are noticed by their missing answer to a ping.
 *
 * @param maxStreams calls at a time on one connection
 * @param windowBytes how much of one call may be under way, in bytes; a connection may hold 16 times that
 */
export function http2Options(maxStreams: number, windowBytes: number): Json {
  return {
    max_concurrent_streams: maxStreams,
    initial_stream_window_size: windowBytes,
    initial_connection_window_size: windowBytes * 16,
    connection_keepalive: { interval: duration(60_000), timeout: duration(20_000) },
  };
}

const ROUTER = extension("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router", {
  suppress_envoy_headers: true,
});

const KEPT_REQUEST_ID = {
  typed_config: typed("envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig", {
    pack_trace_reason: false,
  }),
};

function removal(headers: readonly string[]): Json {
  return extension(
    "envoy.http.early_header_mutation.header_mutation",
    "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
    { mutations: headers.map((remove) => ({ remove })) },
  );
}
