import type { Message } from "@bufbuild/protobuf";
import { methodName } from "../contract.ts";
import { MeshReason, refuseMesh, type SoukError } from "../error.ts";
import { type Interceptor, isStream, type OpenCall } from "../rpc/call.ts";

/**
 * Ends each call when its time is up: the smaller of what the caller allows and what the policy
 * does. Work that outlives it sees its signal aborted; a call that comes too late is not begun.
 */
export const deadline: Interceptor = (next) => async (call, request) => {
  const now = Date.now();
  call.deadline = Math.min(call.deadline, now + call.policy.timeoutMs);
  if (call.deadline <= now) throw deadlineExceeded(call);
  const expiry = Promise.withResolvers<never>();
  const expire = () => {
    const error = deadlineExceeded(call);
    call.abort(error);
    expiry.reject(error);
  };
  const timer = setTimeout(expire, Math.max(0, call.deadline - now));
  try {
    const reply = await Promise.race([next(call, request), expiry.promise]);
    if (!isStream(reply)) return reply;
    return untilExpired(reply, call);
  } finally {
    clearTimeout(timer);
  }
};

async function* untilExpired(stream: AsyncIterable<Message>, call: OpenCall): AsyncIterable<Message> {
  const expiry = Promise.withResolvers<never>();
  expiry.promise.catch(() => {});
  const timer = setTimeout(
    () => {
      const error = deadlineExceeded(call);
      call.abort(error);
      expiry.reject(error);
    },
    Math.max(0, call.deadline - Date.now()),
  );
  const iterator = stream[Symbol.asyncIterator]();
  try {
    while (true) {
      const { done, value } = await Promise.race([iterator.next(), expiry.promise]);
      if (done === true) return;
      yield value;
    }
  } finally {
    clearTimeout(timer);
    // Not awaited: a producer that hangs must not hold the answer back.
    iterator.return?.()?.catch(() => {});
  }
}

/**
 * What a call is refused with whose time is up.
 *
 * @param call the call
 */
export function deadlineExceeded(call: OpenCall): SoukError {
  return refuseMesh(
    MeshReason.DEADLINE_EXCEEDED,
    `${methodName(call.method)} did not answer in the time it had`,
  );
}
