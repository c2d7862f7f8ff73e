import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { type Policy, readPolicy } from "./read-policy.ts";

const policies = new WeakMap<DescMethod, Policy>();

/**
 * The policy that a method's contract declares.
 *
 * @param method the method
 * @throws Error that names the method and the remedy when it declares none, or one that contradicts itself
 */
export function policyOf(method: DescMethod): Policy {
  const known = policies.get(method);
  if (known !== undefined) return known;
  const policy = readPolicy(method, methodName(method));
  policies.set(method, policy);
  return policy;
}

/** The name of a method as it stands in a gRPC path, without the leading slash. */
export function methodName(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

/** The name of the Souk service that serves a contract: "order" for souk.order.v1. */
export function serviceNameOf(contract: DescService): string {
  return contract.file.proto.package.split(".")[1] ?? contract.typeName;
}

/** Whether callers from outside the mesh may reach a method at all. */
export function isOpenToOutside(method: DescMethod): boolean {
  const { access } = policyOf(method);
  return access.callers.length === 0 || access.permission !== "";
}
