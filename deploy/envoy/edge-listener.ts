import type { DescService } from "@bufbuild/protobuf";
import { CLIENT_ADDRESS_HEADER, SERVICE_TOKEN_HEADER } from "#kit/policy/identity.ts";
import { PROXY_SECRET_HEADER } from "../../services/gateway/client-address.ts";
import { accessLog } from "./access-log.ts";
import { http2Options, httpListener } from "./http-listener.ts";
import { duration, extension, type Json, overwritten } from "./json.ts";
import { connectReplies } from "./local-replies.ts";
import { edgeRoutes, longestEdgeTimeout, STALLED_MS } from "./routes.ts";
import type { Topology } from "./topology.ts";

const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
/** Requests a second, more than one gateway can answer. */
const RATE = 5_000;
const FILL_MS = 100;
/** How long headers may take to arrive, in ms. */
const HEADERS_MS = 10_000;
/** How long a request that is no stream may take to arrive, in ms. */
const ARRIVAL_MS = 120_000;

/**
 * The listener for the outside: browsers over HTTP/1.1 and HTTP/2. Whoever calls is not trusted, neither
 * with what the request says nor with how it arrives.
 *
 * @param topology who is where
 * @param contracts what is served
 */
export function edgeListener(topology: Topology, contracts: readonly DescService[]): Json {
  return httpListener({
    name: "edge",
    address: topology.edge,
    bufferBytes: 32_768,
    routes: edgeRoutes(contracts, topology.maxRequestBytes ?? MAX_REQUEST_BYTES),
    // A service would take the caller for another service, and the gateway for this listener.
    removedHeaders: [SERVICE_TOKEN_HEADER, CLIENT_ADDRESS_HEADER, PROXY_SECRET_HEADER],
    addedHeaders:
      topology.proxySecret === undefined ? [] : [overwritten(PROXY_SECRET_HEADER, topology.proxySecret)],
    filters: [rateLimit(topology.edgeRate ?? RATE)],
    accessLog: accessLog("edge", topology.accessLog),
    manager: {
      merge_slashes: true,
      always_set_request_id_in_response: true,
      common_http_protocol_options: {
        max_headers_count: 100,
        headers_with_underscores_action: "REJECT_REQUEST",
        // The routes of streams set their own.
        max_stream_duration: duration(ARRIVAL_MS + longestEdgeTimeout(contracts)),
      },
      max_request_headers_kb: 60,
      http2_protocol_options: http2Options(100, 65_536),
      request_headers_timeout: duration(HEADERS_MS),
      stream_idle_timeout: duration(STALLED_MS),
      local_reply_config: connectReplies(),
    },
  });
}

/**
 * Keeps a flood from the gateway. It is coarse and asks nobody: which caller may call how often is for the
 * services to know, who count by caller.
 */
function rateLimit(perSecond: number): Json {
  const always = { default_value: { numerator: 100, denominator: "HUNDRED" } };
  return extension(
    "envoy.filters.http.local_ratelimit",
    "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
    {
      stat_prefix: "edge",
      token_bucket: {
        max_tokens: perSecond,
        tokens_per_fill: Math.max(1, Math.round((perSecond * FILL_MS) / 1_000)),
        fill_interval: duration(FILL_MS),
      },
      filter_enabled: always,
      filter_enforced: always,
      rate_limited_as_resource_exhausted: true,
      response_headers_to_add: [{ header: { key: "retry-after", value: "1" } }],
    },
  );
}
