import { ConfigurationError, type MeshSettings } from "../config.ts";
import { serviceNameOf } from "../contract.ts";
import { MeshReason, refuseMesh } from "../error.ts";
import type { Dispatcher } from "../rpc/dispatch.ts";
import { grpcTransport, type Resolve } from "./grpc-transport.ts";
import { localTransport } from "./local-transport.ts";
import { serviceConfig } from "./service-config.ts";
import type { Transport } from "./transport.ts";

/**
 * Makes the transport of the data plane that the settings name.
 *
 * @param settings the mesh's settings
 * @param dispatchers the programs of this process by name, for data plane `local`
 * @throws ConfigurationError when the directory of the mesh cannot be read
 */
export function dataPlane(settings: MeshSettings, dispatchers: ReadonlyMap<string, Dispatcher>): Transport {
  switch (settings.SOUK_DATA_PLANE) {
    case "local":
      return localTransport((contract) => dispatchers.get(serviceNameOf(contract)));
    case "envoy": {
      // Envoy knows the services, repeats calls and balances them; one channel leads to it.
      const target = settings.SOUK_MESH_ADDRESS;
      return grpcTransport(() => ({ target }));
    }
    default:
      return grpcTransport(resolveDirectly(readDirectory(settings.SOUK_MESH_DIRECTORY)));
  }
}

function resolveDirectly(directory: ReadonlyMap<string, readonly string[]>): Resolve {
  return (contract) => {
    const addresses = directory.get(serviceNameOf(contract));
    if (addresses === undefined) {
      throw refuseMesh(
        MeshReason.DEPENDENCY_UNAVAILABLE,
        `SOUK_MESH_DIRECTORY names no ${serviceNameOf(contract)}; add it`,
      );
    }
    return { target: `ipv4:${addresses.join(",")}`, serviceConfig: serviceConfig(contract) };
  };
}

function readDirectory(text: string): ReadonlyMap<string, readonly string[]> {
  const directory = new Map<string, string[]>();
  for (const entry of text.split(",").filter((it) => it.trim() !== "")) {
    const [, name, address] = /^\s*([a-z]+)=([\d.]+:\d+)\s*$/.exec(entry) ?? [];
    if (name === undefined || address === undefined) {
      throw new ConfigurationError(
        `SOUK_MESH_DIRECTORY cannot be read at "${entry}"; write name=address:port,name=address:port`,
      );
    }
    directory.set(name, [...(directory.get(name) ?? []), address]);
  }
  return directory;
}
