import { create, type DescMethod, type DescService, getOption, hasOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import {
  type Access,
  AccessSchema,
  Idempotency,
  policy as policyOption,
} from "#gen/souk/mesh/v1/policy_pb.ts";

/** The policy of a method, read once from its contract. */
export interface Policy {
  /** Who may call. */
  readonly access: Access;
  /** How long a call may take in all, in ms. */
  readonly timeoutMs: number;
  /** Attempts in all, the first one included; 1 means that a failed call is not repeated. */
  readonly maxAttempts: number;
  /** The back-off before the first repetition, in ms. */
  readonly initialBackoffMs: number;
  /** What makes it safe to repeat a call. */
  readonly idempotency: Idempotency;
  /** Whether the method only reads. */
  readonly readOnly: boolean;
}

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
  const policy = readPolicy(method);
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

/** gRPC's own services (health, reflection) carry no options of ours; anyone may call them. */
const INFRASTRUCTURE: Policy = {
  access: create(AccessSchema, { public: {} }),
  timeoutMs: 3_600_000,
  maxAttempts: 1,
  initialBackoffMs: 50,
  idempotency: Idempotency.UNSPECIFIED,
  readOnly: true,
};

function readPolicy(method: DescMethod): Policy {
  const name = methodName(method);
  if (method.parent.file.proto.package.startsWith("grpc.")) return INFRASTRUCTURE;
  if (!hasOption(method, policyOption)) {
    throw new Error(`${name} declares no policy; add option (souk.mesh.v1.policy) to it`);
  }
  const { access, timeout, retry, idempotency } = getOption(method, policyOption);
  const readOnly = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  const kinds = [access?.public, access?.authenticated, access?.permission].filter(Boolean).length;
  if (access === undefined || kinds > 1 || kinds + access.callers.length === 0) {
    throw new Error(`${name}: access must be one of public, authenticated, permission or callers`);
  }
  if (access.callers.length > 0 && access.permission === "" && kinds > 0) {
    throw new Error(`${name}: callers contradicts ${access.public ? "public" : "authenticated"}; remove one`);
  }
  if (timeout === undefined || (timeout.seconds <= 0n && timeout.nanos <= 0)) {
    throw new Error(`${name}: timeout is missing; every call has a deadline`);
  }
  if (readOnly && idempotency !== Idempotency.UNSPECIFIED) {
    throw new Error(`${name}: a method without side effects needs no idempotency; remove it`);
  }
  if (retry !== undefined && (retry.maxAttempts < 2 || retry.maxAttempts > 5)) {
    throw new Error(`${name}: retry.max_attempts must be 2 to 5`);
  }
  if (retry !== undefined && !readOnly && idempotency !== Idempotency.NATURAL) {
    throw new Error(`${name}: retry needs idempotency: IDEMPOTENCY_NATURAL or NO_SIDE_EFFECTS`);
  }
  return {
    access,
    timeoutMs: Number(timeout.seconds) * 1000 + timeout.nanos / 1e6,
    maxAttempts: retry?.maxAttempts ?? 1,
    initialBackoffMs: retry?.initialBackoff
      ? Number(retry.initialBackoff.seconds) * 1000 + retry.initialBackoff.nanos / 1e6
      : 50,
    idempotency,
    readOnly,
  };
}
