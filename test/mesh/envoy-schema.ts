import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  createFileRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { writeFileAtomically } from "../../deploy/local/files.ts";

const root = join(import.meta.dirname, "../..");
/** Envoy's API and what it imports, as an npm package carries it. */
const shipped = "node_modules/@grpc/grpc-js-xds/deps";
const patched = ".souk/envoy-api";

/** The messages that the configuration holds, each in its file; imports come by themselves. */
const FILES = [
  "config/bootstrap/v3",
  "extensions/access_loggers/file/v3",
  "extensions/access_loggers/stream/v3",
  "extensions/filters/http/grpc_web/v3",
  "extensions/filters/http/local_ratelimit/v3",
  "extensions/filters/http/router/v3",
  "extensions/filters/network/http_connection_manager/v3",
  "extensions/formatter/req_without_query/v3",
  "extensions/http/early_header_mutation/header_mutation/v3",
  "extensions/request_id/uuid/v3",
  "extensions/resource_monitors/downstream_connections/v3",
  "extensions/resource_monitors/fixed_heap/v3",
  "extensions/retry/host/previous_hosts/v3",
  "extensions/upstreams/http/v3",
];

/**
 * Makes the function that reads a configuration as Envoy's API has it.
 *
 * @returns throws Error where a field, a value or a type is not known to the API
 */
export function bootstrapReader(): (configuration: unknown) => void {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, describeApi()));
  const bootstrap = registry.getMessage("envoy.config.bootstrap.v3.Bootstrap") as DescMessage;
  return (configuration) => {
    fromJson(bootstrap, configuration as JsonValue, { registry });
  };
}

function describeApi(): Uint8Array {
  writeValidationRules();
  const modules = [`${shipped}/envoy-api`, `${shipped}/googleapis`, `${shipped}/xds`, patched];
  const configuration = JSON.stringify({ version: "v2", modules: modules.map((path) => ({ path })) });
  const paths = FILES.flatMap((file) => ["--path", `${shipped}/envoy-api/envoy/${file}`]);
  const format = ["--as-file-descriptor-set", "--exclude-source-info", "--output", "-#format=binpb"];
  return execFileSync(
    "node_modules/.bin/buf",
    ["build", ".", "--config", configuration, ...paths, ...format],
    {
      cwd: root,
      maxBuffer: 16 * 1024 * 1024,
    },
  );
}

/** Envoy's API uses a rule that the file of rules beside it is too old to know. */
function writeValidationRules(): void {
  const rules = readFileSync(join(root, shipped, "protoc-gen-validate/validate/validate.proto"), "utf8");
  const known = "optional bool strict = 25 [default = true];";
  const folder = join(root, patched, "validate");
  mkdirSync(folder, { recursive: true });
  writeFileAtomically(
    join(folder, "validate.proto"),
    rules.replace(known, `${known}\n  optional bool ignore_empty = 26;`),
  );
}
