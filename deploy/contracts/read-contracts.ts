import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { createFileRegistry, type DescFile, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/**
 * Reads contracts as they stand, with their comments, which generated code does not carry.
 *
 * @param root the folder with `buf.yaml` and the contracts
 * @throws Error with what buf has to say when they do not compile
 */
export function readContracts(root: string): FileRegistry {
  const buf = join(root, "node_modules/.bin/buf");
  const image = execFileSync(buf, ["build", "--output", "-"], { cwd: root, maxBuffer: 2 ** 28 });
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
}

/**
 * The mesh's own contracts, by file name, without those that they import from elsewhere.
 *
 * @param registry what was read
 */
export function ownFiles(registry: FileRegistry): DescFile[] {
  return [...registry.files].filter(({ name }) => name.startsWith("souk/"));
}
