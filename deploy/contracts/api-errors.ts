import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescMethod,
  getOption,
} from "@bufbuild/protobuf";
import { ErrorReason, ErrorReasonSchema } from "#gen/souk/mesh/v1/errors_pb.ts";
import { error as errorOption, Idempotency } from "#gen/souk/mesh/v1/policy_pb.ts";
import { policyOf } from "#kit/contract.ts";
import { codeName } from "#kit/error.ts";
import type { Policy } from "#kit/read-policy.ts";

/** A reason with which a call can be refused. */
export interface Reason {
  /** As google.rpc.ErrorInfo names it. */
  readonly name: string;
  /** The gRPC status code. */
  readonly code: string;
  /** The full name of the enum's value, for its comment. */
  readonly fullName: string;
}

/** Those of the mesh's own reasons that depend on what a method asks for or does: all others can come from any. */
const CONDITIONS: ReadonlyMap<number, (policy: Policy, method: DescMethod) => boolean> = new Map([
  [ErrorReason.INVALID_REQUEST, (_, { input }) => input.fields.length > 0],
  [ErrorReason.TOKEN_MISSING, ({ access }) => Boolean(access.authenticated || access.permission)],
  [ErrorReason.PERMISSION_MISSING, ({ access }) => access.permission !== ""],
  [ErrorReason.CALLER_REFUSED, ({ access }) => access.callers.length > 0],
  [ErrorReason.IDEMPOTENCY_KEY_MISSING, ({ idempotency }) => isKeyed(idempotency)],
  [ErrorReason.IDEMPOTENCY_KEY_REUSED, ({ idempotency }) => isKeyed(idempotency)],
  [ErrorReason.IDEMPOTENCY_KEY_BUSY, ({ idempotency }) => isKeyed(idempotency)],
  [ErrorReason.PAGE_TOKEN_INVALID, (_, { input }) => has(input, ({ name }) => name === "page_token")],
  [ErrorReason.ETAG_MISMATCH, (_, { input }) => has(input, ({ name }) => name === "etag")],
  [ErrorReason.EVENT_NOT_HANDLED, (_, { name }) => name === "ReplayDeadLetter"],
  [ErrorReason.TOO_MANY_STREAMS, (_, { methodKind }) => methodKind !== "unary"],
  [ErrorReason.NOT_FOUND, (_, { input }) => has(input, ({ name }) => /(^|_)(id|ids|slug|name)$/.test(name))],
]);

/** The mesh's own reasons with which any method can be refused. */
export function commonReasons(): Reason[] {
  return reasonsOf(ErrorReasonSchema, (number) => !CONDITIONS.has(number));
}

/**
 * The mesh's own reasons that a method can be refused with beside the common ones, by its policy.
 *
 * @param method the method
 */
export function ownReasons(method: DescMethod): Reason[] {
  const policy = policyOf(method);
  return reasonsOf(ErrorReasonSchema, (number) => CONDITIONS.get(number)?.(policy, method) === true);
}

/**
 * The reasons of an enum of a contract that are still given.
 *
 * @param reasons the enum
 * @param keep which of them, by number; all when left out
 */
export function reasonsOf(reasons: DescEnum, keep: (number: number) => boolean = () => true): Reason[] {
  const prefix = reasons.sharedPrefix?.length ?? 0;
  return reasons.values
    .filter(({ number, deprecated }) => number !== 0 && !deprecated && keep(number))
    .map((value) => ({
      name: value.name.slice(prefix),
      code: codeName(getOption(value, errorOption).code),
      fullName: `${reasons.typeName}.${value.name}`,
    }));
}

function isKeyed(idempotency: Idempotency): boolean {
  return idempotency === Idempotency.KEY_REQUIRED || idempotency === Idempotency.KEY_OPTIONAL;
}

function has(message: DescMessage, test: (field: DescField) => boolean, depth = 0): boolean {
  return message.fields.some(
    (field) =>
      test(field) || (depth < 3 && field.message !== undefined && has(field.message, test, depth + 1)),
  );
}
