import type { DescService } from "@bufbuild/protobuf";
import { contracts as allContracts } from "#gen/contracts.ts";
import { clusters } from "./clusters.ts";
import { edgeListener } from "./edge-listener.ts";
import { duration, extension, type Json, socketAddress } from "./json.ts";
import { meshListener } from "./mesh-listener.ts";
import { checkTopology, type Topology } from "./topology.ts";

const MAX_CONNECTIONS = 10_000;
const MAX_HEAP_BYTES = 1024 * 1024 * 1024;

/**
 * Envoy's configuration, made from the contracts: a message envoy.config.bootstrap.v3.Bootstrap as JSON,
 * for Envoy 1.30 and later. The same arguments give the same configuration.
 *
 * @param topology who is where
 * @param contracts what is served; all contracts of the mesh when left out
 * @throws ConfigurationError that lists what the topology lacks
 */
export function envoyConfig(topology: Topology, contracts: readonly DescService[] = servedContracts()): Json {
  checkTopology(topology, contracts);
  return {
    admin: { address: socketAddress(topology.admin), ignore_global_conn_limit: true },
    static_resources: {
      listeners: [edgeListener(topology, contracts), meshListener(topology, contracts)],
      clusters: clusters(topology),
    },
    layered_runtime: { layers: [{ name: "limits", static_layer: LIMITS }] },
    overload_manager: OVERLOAD_MANAGER,
  };
}

function servedContracts(): DescService[] {
  return [...allContracts].filter((it) => it.kind === "service");
}

/**
 * A connection is closed when most of its calls are cancelled within a second of their beginning (Rapid Reset,
 * CVE-2023-44487), but not before half as many as this were: a service has one connection for all that its callers
 * give up.
 */
const LIMITS = { "overload.premature_reset_total_stream_count": 10_000 };

/** Refuses work before memory or connections run out. */
const OVERLOAD_MANAGER = {
  refresh_interval: duration(250),
  resource_monitors: [
    extension(
      "envoy.resource_monitors.fixed_heap",
      "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
      { max_heap_size_bytes: MAX_HEAP_BYTES },
    ),
    extension(
      "envoy.resource_monitors.global_downstream_max_connections",
      "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
      { max_active_downstream_connections: MAX_CONNECTIONS },
    ),
  ],
  actions: [heapAction("shrink_heap", 0.8), heapAction("stop_accepting_requests", 0.95)],
};

function heapAction(name: string, value: number): Json {
  return {
    name: `envoy.overload_actions.${name}`,
    triggers: [{ name: "envoy.resource_monitors.fixed_heap", threshold: { value } }],
  };
}
