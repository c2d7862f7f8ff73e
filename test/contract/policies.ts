import type { DescFile, DescMethod } from "@bufbuild/protobuf";
import { Idempotency } from "#gen/souk/mesh/v1/policy_pb.ts";
import { policyOf } from "#kit/contract.ts";
import type { Policy } from "#kit/read-policy.ts";
import { type Complaint, complain, type Rule, shortName } from "./complaints.ts";

/** What a method that only reads is called. */
const readingVerb = /^(Get|BatchGet|List|Search|Watch|Count|Export)[A-Z]/;
const permissionForm = /^[a-z]+(-[a-z]+)*:[a-z]+(-[a-z]+)*$/;

/** Every method has a policy, and none contradicts itself or what the mesh can do. */
export function policyRule(services: ReadonlySet<string>): Rule {
  return (files) =>
    methodsOf(files).flatMap((method) => {
      const say = (what: string): Complaint =>
        complain(
          method.parent.file,
          `${shortName(method.parent.file, method.parent.typeName)}/${method.name}`,
          what,
        );
      try {
        return judge(method, policyOf(method), services).map(say);
      } catch (error) {
        return [say((error as Error).message)];
      }
    });
}

function judge(method: DescMethod, policy: Policy, services: ReadonlySet<string>): string[] {
  const complaints: string[] = [];
  const { access, idempotency, readOnly, maxAttempts } = policy;
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
  const keyed = idempotency === Idempotency.KEY_REQUIRED || idempotency === Idempotency.KEY_OPTIONAL;
  if (keyed && method.methodKind !== "unary") {
    complaints.push("only the answer of a unary method can be stored and replayed; use another idempotency");
  }
  if (maxAttempts > 1 && method.methodKind !== "unary") {
    complaints.push("a stream cannot be repeated by others than its caller; remove retry");
  }
  return complaints;
}

function methodsOf(files: readonly DescFile[]): DescMethod[] {
  return files.flatMap((file) => file.services).flatMap((service) => service.methods);
}
