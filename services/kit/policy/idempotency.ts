import { createHash } from "node:crypto";
import { toBinary } from "@bufbuild/protobuf";
import { Idempotency } from "#gen/souk/mesh/v1/policy_pb.ts";
import { methodName } from "../contract.ts";
import { MeshReason, refuseMesh } from "../error.ts";
import { principalKey } from "../principal.ts";
import { type Decoded, type Interceptor, isStream } from "../rpc/call.ts";
import type { IdempotencyKey } from "../scope.ts";

/** The header that carries the caller's key (draft-ietf-httpapi-idempotency-key-header). */
export const IDEMPOTENCY_KEY_HEADER = "idempotency-key";

const KEY = /^[\x21-\x7e]{1,200}$/;

/**
 * Reads the key under which a call takes effect once and checks that the handler kept it: the
 * transaction or the saga of the work stores it together with the answer.
 */
export const idempotency: Interceptor<Decoded> = (next) => async (call, request) => {
  const { policy, method } = call;
  const keyed =
    policy.idempotency === Idempotency.KEY_REQUIRED || policy.idempotency === Idempotency.KEY_OPTIONAL;
  if (!keyed || isStream(request)) return next(call, request);

  const key = call.headers.get(IDEMPOTENCY_KEY_HEADER);
  if (key === undefined && policy.idempotency === Idempotency.KEY_OPTIONAL) return next(call, request);
  if (key === undefined || !KEY.test(key)) {
    throw refuseMesh(
      MeshReason.IDEMPOTENCY_KEY_MISSING,
      `${methodName(method)} needs the header ${IDEMPOTENCY_KEY_HEADER}: 1 to 200 visible ASCII characters, new for each purpose and the same when the call is repeated`,
    );
  }
  const requestHash = createHash("sha256").update(toBinary(method.input, request)).digest();
  const record: IdempotencyKey = {
    owner: `${methodName(method)} ${principalKey(call.principal)}`,
    key,
    requestHash,
    method,
    kept: false,
  };
  call.idempotency = record;
  const reply = await next(call, request);
  if (!record.kept) throw new Error(`${methodName(method)} answered without keeping its idempotency key`);
  return reply;
};
