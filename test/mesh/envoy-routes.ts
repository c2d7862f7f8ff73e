/** A route as the generated configuration has it, as far as tests look at it. */
export interface Route {
  readonly match: {
    readonly path?: string;
    readonly prefix?: string;
    readonly headers?: readonly {
      readonly name: string;
      readonly string_match?: { readonly exact: string };
    }[];
  };
  readonly route?: {
    readonly cluster: string;
    readonly timeout?: string;
    readonly idle_timeout?: string;
    readonly max_stream_duration?: {
      readonly max_stream_duration: string;
      readonly grpc_timeout_header_max?: string;
    };
    readonly retry_policy?: {
      readonly num_retries: number;
      readonly retry_on: string;
      readonly retry_back_off: { readonly base_interval: string };
      readonly per_try_timeout?: string;
    };
    readonly hedge_policy?: { readonly hedge_on_per_try_timeout: boolean };
  };
}

/** The settings of a listener for HTTP. */
interface Manager {
  readonly stream_idle_timeout: string;
  readonly route_config: { readonly virtual_hosts: readonly { readonly routes: readonly Route[] }[] };
}

interface Listener {
  readonly name: string;
  readonly filter_chains: readonly { readonly filters: readonly { readonly typed_config: Manager }[] }[];
}

/** The parts of a generated configuration that refer to each other. */
export interface Configuration {
  readonly static_resources: {
    readonly listeners: readonly Listener[];
    readonly clusters: readonly { readonly name: string; readonly type: string }[];
  };
}

/** The settings of a listener. */
export function managerOf(configuration: Configuration, listener: "edge" | "mesh"): Manager {
  const { filter_chains } =
    configuration.static_resources.listeners.find(({ name }) => name === listener) ?? {};
  const manager = filter_chains?.[0]?.filters[0]?.typed_config;
  if (manager === undefined) throw new Error(`The configuration has no listener ${listener}.`);
  return manager;
}

/** The routes of a listener in the order in which Envoy tries them. */
export function routesOf(configuration: Configuration, listener: "edge" | "mesh"): readonly Route[] {
  return managerOf(configuration, listener).route_config.virtual_hosts.flatMap(({ routes }) => routes);
}
