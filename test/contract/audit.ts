import { type DescField, ScalarType } from "@bufbuild/protobuf";
import { objectPath } from "#kit/audit/entry.ts";
import { policyOf } from "#kit/contract.ts";
import { complain, type Rule, shortName } from "./complaints.ts";

/**
 * What staff may change is recorded, and a record names its object by a single text that is no secret. Methods whose
 * policy cannot be read are for the rule on policies.
 */
export const auditRule: Rule = (files) =>
  files
    .flatMap((file) => file.services)
    .flatMap((service) => service.methods)
    .flatMap((method) => {
      let policy: ReturnType<typeof policyOf>;
      try {
        policy = policyOf(method);
      } catch {
        return [];
      }
      const { audit, object, access, readOnly } = policy;
      const { file } = method.parent;
      const say = (what: string) =>
        complain(file, `${shortName(file, method.parent.typeName)}/${method.name}`, what);
      if (!audit && access.permission !== "" && !readOnly) {
        return [say(`changes something for who holds ${access.permission}; add audit: true`)];
      }
      if (!audit && object !== "")
        return [say("object is for the record of a call; add audit: true or remove it")];
      if (object === "") return [];
      const path = objectPath(method, object);
      const what = path === undefined ? "leads to no field; correct it" : unfit(path);
      return what === undefined ? [] : [say(`object "${object}" ${what}`)];
    });

function unfit(path: readonly DescField[]): string | undefined {
  const field = path.at(-1);
  if (field?.fieldKind !== "scalar" || field.scalar !== ScalarType.STRING) {
    return "is no single text; name the field with the id";
  }
  if (path.some((it) => it.proto.options?.debugRedact)) {
    return "is secret or personal; name a field that may stand in a record";
  }
  return undefined;
}
