import type { DescService } from "@bufbuild/protobuf";
import { failureLog } from "./access-log.ts";
import { MAX_CALLS } from "./clusters.ts";
import { http2Options, httpListener } from "./http-listener.ts";
import { duration, extension, type Json } from "./json.ts";
import { grpcReplies } from "./local-replies.ts";
import { meshRoutes } from "./routes.ts";
import type { Topology } from "./topology.ts";

/** How long headers may take to arrive, in ms. */
const HEADERS_MS = 10_000;

/**
 * The listener for services and operators: gRPC, and gRPC-Web for programs that cannot speak it.
 *
 * @param topology who is where
 * @param contracts what is served
 */
export function meshListener(topology: Topology, contracts: readonly DescService[]): Json {
  return httpListener({
    name: "mesh",
    address: topology.mesh,
    // A call is repeated from what is held of it here.
    bufferBytes: 1_048_576,
    routes: meshRoutes(contracts, topology.services),
    addedHeaders: [],
    removedHeaders: [],
    filters: [extension("envoy.filters.http.grpc_web", "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb")],
    accessLog: failureLog("mesh", topology.accessLog),
    manager: {
      // A service has one connection for each contract; all the streams that its callers watch share it.
      // The other codec closes it when 33 calls a second are cancelled, and Envoy's limit for that is enough.
      http2_protocol_options: { ...http2Options(MAX_CALLS, 1_048_576), use_oghttp2_codec: true },
      stream_error_on_invalid_http_message: true,
      request_headers_timeout: duration(HEADERS_MS),
      // Every route ends its calls in time, and a stream may be silent for as long as it may last.
      stream_idle_timeout: duration(0),
      local_reply_config: grpcReplies(),
    },
  });
}
