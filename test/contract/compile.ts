import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { copyFile, cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { createFileRegistry, type DescFile, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { ExecutionContext } from "ava";
import { printImports } from "../../deploy/contracts/generate.ts";

const root = resolve(import.meta.dirname, "../..");
const sampleFile = "souk/sample/v1/sample.proto";
const run = promisify(execFile);

/** A contract that stands beside those of the repository, in a folder that goes with the test. */
export interface Sample {
  /** Its descriptor, as `buf` compiles it. */
  compile(): Promise<DescFile>;
  /** What `buf lint` has to say against it, a line each. */
  lint(): Promise<string[]>;
  /** What `npm run generate` has to say against it, a line each. */
  generate(): Promise<string[]>;
  /** What `npm run generate` has made, by its path. */
  generated(): Promise<string[]>;
}

/**
 * Puts a contract beside those of the repository.
 *
 * @param body what follows the package `souk.sample.v1` and the imports of policy and validation rules
 */
export async function sampleContract(t: ExecutionContext, body: string): Promise<Sample> {
  const place = await mkdtemp(join(tmpdir(), "souk-contract-"));
  t.teardown(() => rm(place, { recursive: true, force: true }));
  printImports();
  await cp(join(root, "proto"), join(place, "proto"), { recursive: true });
  await copyFile(join(root, "buf.yaml"), join(place, "buf.yaml"));
  await mkdir(join(place, ".souk"));
  await symlink(join(root, ".souk/proto"), join(place, ".souk/proto"));
  await symlink(join(root, "node_modules"), join(place, "node_modules"));
  await mkdir(join(place, "proto/souk/sample/v1"), { recursive: true });
  await writeFile(join(place, "proto", sampleFile), `${head}\n${body}\n`);

  const buf = (...args: string[]) =>
    run(join(root, "node_modules/.bin/buf"), args, { cwd: place, encoding: "buffer", maxBuffer: 2 ** 26 });
  return {
    compile: async () => {
      const { stdout } = await buf("build", "--output", "-");
      const file = createFileRegistry(fromBinary(FileDescriptorSetSchema, stdout)).getFile(sampleFile);
      if (!file) throw new Error(`buf built no ${sampleFile}`);
      return file;
    },
    lint: async () => {
      const { stdout } = await buf("lint").catch((failure: { stdout: Buffer }) => failure);
      return stdout
        .toString()
        .split("\n")
        .filter((line) => line.startsWith(`proto/${sampleFile}`));
    },
    generate: async () => {
      const args = [join(root, "deploy/contracts/generate.ts"), place, place];
      const { stderr } = await run(process.execPath, args).catch((failure: { stderr: string }) => failure);
      return stderr.split("\n").filter((line) => line.startsWith(`proto/${sampleFile}`));
    },
    generated: async () => [...globSync("gen/**/*", { cwd: place })],
  };
}

const head = `
syntax = "proto3";
package souk.sample.v1;
import "buf/validate/validate.proto";
import "google/protobuf/field_mask.proto";
import "souk/mesh/v1/policy.proto";
`;
