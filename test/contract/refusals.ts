import { type DescEnum, type DescFile, getOption } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { Code } from "#gen/google/rpc/code_pb.ts";
import { error as errorOption } from "#gen/souk/mesh/v1/policy_pb.ts";
import { complain, type Rule } from "./complaints.ts";

/** Every reason to refuse a call has a status code that tells of a failure. */
export const refusalsRule: Rule = (files) =>
  files.flatMap((file) =>
    enumsOf(file)
      .filter(({ name }) => name === "ErrorReason")
      .flatMap(({ values }) => values.filter(({ number }) => number !== 0))
      .filter((value) => getOption(value, errorOption).code === Code.OK)
      .map((value) =>
        complain(file, value.name, "has no status code; add [(souk.mesh.v1.error).code = ...]"),
      ),
  );

function enumsOf(file: DescFile): DescEnum[] {
  return [...nestedTypes(file)].filter((type) => type.kind === "enum");
}
