import type { DescFile, DescMethod } from "@bufbuild/protobuf";
import { policyOf } from "#kit/contract.ts";
import { contradictionOf, type Policy } from "#kit/read-policy.ts";
import { type Complaint, complain, type Rule, shortName } from "./complaints.ts";

/** What a method that only reads is called. */
const readingVerb = /^(Get|BatchGet|List|Search|Watch|Count|Export)[A-Z]/;
const permissionForm = /^[a-z]+(-[a-z]+)*:[a-z]+(-[a-z]+)*$/;

/** Every method has a policy, and none contradicts itself or what the mesh can do. */
export function policyRule(services: ReadonlySet<string>): Rule {
  return (files) =>
    methodsOf(files).flatMap((method) => {
      const { file, typeName } = method.parent;
      const say = (what: string): Complaint =>
        complain(file, `${shortName(file, typeName)}/${method.name}`, what);
      const contradiction = contradictionOf(method);
      return contradiction === undefined
        ? judge(method, policyOf(method), services).map(say)
        : [say(contradiction)];
    });
}

function judge(method: DescMethod, { access, readOnly }: Policy, services: ReadonlySet<string>): string[] {
  const complaints: string[] = [];
  if (access.permission !== "" && !permissionForm.test(access.permission)) {
    complaints.push(`the permission "${access.permission}" must have the form resource:action`);
  }
  for (const caller of access.callers) {
    if (!services.has(caller))
      complaints.push(`there is no service "${caller}" that could call; correct callers`);
  }
  if (new Set(access.callers).size < access.callers.length) complaints.push("callers names a service twice");
  if (readingVerb.test(method.name) && !readOnly) {
    complaints.push(
      "its name says that it reads; add option idempotency_level = NO_SIDE_EFFECTS or rename it",
    );
  }
  return complaints;
}

function methodsOf(files: readonly DescFile[]): DescMethod[] {
  return files.flatMap((file) => file.services).flatMap((service) => service.methods);
}
