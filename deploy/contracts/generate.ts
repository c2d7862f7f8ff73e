import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { printProto } from "./print-proto.ts";

/** Generates `gen/` from the contracts in `proto/`; nothing is fetched. */
export function generate(): void {
  printImports();
  execFileSync("node_modules/.bin/buf", ["generate"], { stdio: "inherit" });
  // protovalidate's own package carries this code, and ours imports it from there.
  rmSync("gen/buf", { recursive: true });
}

/** Puts the contracts that come from npm packages where `buf.yaml` looks for them. */
export function printImports(): void {
  mkdirSync(".souk/proto/buf/validate", { recursive: true });
  writeFileSync(".souk/proto/buf/validate/validate.proto", printProto(file_buf_validate_validate));
}

if (import.meta.main) generate();
