import { contracts } from "#gen/contracts.ts";
import { methodName, policyOf } from "#kit/contract.ts";

/** A permission, and the methods that ask for it. */
export interface KnownPermission {
  readonly name: string;
  readonly methods: readonly string[];
}

/** Every permission that a method of the shop asks for, by name; found by walking the contracts. */
export const PERMISSIONS: readonly KnownPermission[] = findPermissions();

/** The names of all permissions. */
export const PERMISSION_NAMES: ReadonlySet<string> = new Set(PERMISSIONS.map(({ name }) => name));

function findPermissions(): KnownPermission[] {
  const methods = [...contracts].filter((it) => it.kind === "service").flatMap((service) => service.methods);
  const found = new Map<string, string[]>();
  for (const method of methods) {
    const { permission } = policyOf(method).access;
    if (permission !== "") found.set(permission, [...(found.get(permission) ?? []), methodName(method)]);
  }
  return [...found]
    .map(([name, asking]) => ({ name, methods: asking.sort() }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
