import type { DescFile, DescMethod } from "@bufbuild/protobuf";
import { policyOf } from "#kit/contract.ts";
import { GENERATED, table } from "./markdown.ts";

/**
 * The permission matrix: who may call each method, and what each permission opens.
 *
 * @param files every contract of the mesh
 */
export function permissionMatrix(files: readonly DescFile[]): string {
  const services = files.flatMap(({ services }) => services);
  const methods = services.flatMap(({ methods }) => methods);
  return `${[
    GENERATED,
    "# Permissions",
    INTRODUCTION,
    "## By permission",
    table(["permission", "methods"], byPermission(methods)),
    "## By method",
    ...services.flatMap((service) => [
      `### ${service.typeName}`,
      table(["method", "anyone", "signed in", "permission", "services"], service.methods.map(rowOf)),
    ]),
  ].join("\n\n")}\n`;
}

const INTRODUCTION = `Who may call a method stands in its policy; every service enforces it, whatever way a call comes. What is open
to signed-in users is open for what is theirs: somebody else's order, cart or address answers NOT_FOUND. What is open to
services alone cannot be reached from outside. The operators' own tools hold every permission.`;

function byPermission(methods: readonly DescMethod[]): string[][] {
  const holders = new Map<string, string[]>();
  for (const method of methods) {
    const { permission } = policyOf(method).access;
    if (permission === "") continue;
    const name = `${method.parent.name}.${method.name}`;
    holders.set(permission, [...(holders.get(permission) ?? []), name]);
  }
  return [...holders]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([permission, names]) => [`\`${permission}\``, names.join(", ")]);
}

function rowOf(method: DescMethod): string[] {
  const { access } = policyOf(method);
  const mark = (open: unknown) => (open ? "✓" : "");
  return [
    method.name,
    mark(access.public),
    mark(access.authenticated),
    access.permission === "" ? "" : `\`${access.permission}\``,
    access.callers.join(", "),
  ];
}
