import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { DescFile } from "@bufbuild/protobuf";
import { files as contracts } from "#gen/contracts.ts";
import { serviceConfig } from "#kit/mesh/service-config.ts";
import { generate as generateEnvoy } from "../envoy/generate.ts";
import { servicePrograms } from "../local/service-programs.ts";
import { apiIndex, apiPage, type Package } from "./api-reference.ts";
import { commentsOf } from "./contract-comments.ts";
import { eventRegistry } from "./event-registry.ts";
import { orderStates } from "./order-states.ts";
import { permissionMatrix } from "./permission-matrix.ts";
import { ownFiles, readContracts } from "./read-contracts.ts";

const root = resolve(import.meta.dirname, "../..");

/**
 * Generates what people and programs read of the contracts: the API reference, the permission matrix, the
 * registry of events, the states of an order, the service configuration of gRPC clients, and Envoy's configuration where everything
 * is on its usual port. It runs after the contracts' code is generated, in a process that loads it anew.
 *
 * @param place the folder with `gen/`
 */
function generateReference(place: string): void {
  const files = contracts.filter(({ name }) => name.startsWith("souk/"));
  const packages = packagesOf(files);
  const comments = commentsOf(ownFiles(readContracts(root)));
  const consumers = servicePrograms.map(({ name, consumes }) => ({
    name,
    events: consumes.map(({ typeName }) => typeName),
  }));
  const write = (name: string, text: string) => {
    const file = join(place, "gen", name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  write("docs/api.md", apiIndex(packages, comments));
  write("docs/permissions.md", permissionMatrix(files));
  write("docs/events.md", eventRegistry(files, comments, consumers));
  write("docs/order-states.md", orderStates());
  for (const it of packages) {
    write(`docs/api/${it.name}.md`, apiPage(it, comments));
    write(`service-config/${it.name}.json`, `${JSON.stringify(clientConfig(it), null, 2)}\n`);
  }
  mkdirSync(join(place, "gen/envoy"), { recursive: true });
  // Nothing of the environment, and so no secret, goes into what is committed.
  generateEnvoy(["--out", join(place, "gen/envoy/envoy.json")], {});
}

function packagesOf(files: readonly DescFile[]): Package[] {
  const byName = Map.groupBy(files, ({ proto }) => proto.package);
  return [...byName].map(([name, ownFiles]) => ({ name, files: ownFiles }));
}

/** What a gRPC client of any language is given to call the services of a package as the mesh does. */
function clientConfig({ files }: Package): object {
  const [first, ...others] = files
    .flatMap(({ services }) => services)
    .map((service) => serviceConfig(service) as { methodConfig: object[] });
  return { ...first, methodConfig: [first, ...others].flatMap((config) => config?.methodConfig ?? []) };
}

if (import.meta.main) generateReference(process.argv[2] ?? root);
