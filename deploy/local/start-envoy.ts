import { join } from "node:path";
import { type Envoy, type EnvoyProgram, startEnvoy } from "./envoy.ts";
import { requirePortFree } from "./ports.ts";
import { runScript } from "./run-script.ts";
import type { LocalConfig } from "./settings.ts";
import { services } from "./shop.ts";
import { hostAndPort, reachableHost } from "./stores/store.ts";
import type { Supervisor } from "./supervisor.ts";

/**
 * Writes Envoy's configuration from the contracts and starts Envoy with it.
 *
 * @param config where everything listens
 * @param envoy the program
 * @param env the settings of the gateway, whose secret it gets
 * @param supervisor keeps it alive
 * @throws Error when a port is taken or Envoy refuses the configuration
 */
export async function startMeshEnvoy(
  { dataDir, host, ports, edgeRate }: LocalConfig,
  envoy: EnvoyProgram,
  env: NodeJS.ProcessEnv,
  supervisor: Supervisor,
): Promise<Envoy> {
  await requirePortFree("Envoy", ports.edge, host, "SOUK_EDGE_PORT");
  await requirePortFree("Envoy", ports.mesh, host, "SOUK_MESH_PORT");
  await requirePortFree("Envoy", ports.envoyAdmin, "127.0.0.1", "SOUK_ENVOY_ADMIN_PORT");
  const configFile = join(dataDir, "envoy.json");
  const upstream = (name: string) => hostAndPort(reachableHost(host), ports.programs[name] as number);
  await runScript(
    "deploy/envoy/generate.ts",
    [
      ...["--out", configFile],
      ...["--services", services.map(({ name }) => `${name}=${upstream(name)}`).join()],
      ...["--gateway", upstream("gateway")],
      ...["--edge", hostAndPort(host, ports.edge)],
      ...["--mesh", hostAndPort(host, ports.mesh)],
      ...["--admin", hostAndPort("127.0.0.1", ports.envoyAdmin)],
      ...["--edge-rate", String(edgeRate)],
      ...["--access-log", join(dataDir, "logs", "access.log")],
    ],
    env,
  );
  return startEnvoy({ envoy, configFile, supervisor });
}
