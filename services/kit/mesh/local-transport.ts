import { type DescService, fromBinary } from "@bufbuild/protobuf";
import { MeshReason, refuseMesh, stopped, toSoukError } from "../error.ts";
import { isEncoded, isStream, type OpenCall } from "../rpc/call.ts";
import type { Dispatcher } from "../rpc/dispatch.ts";
import type { Outbound, Transport } from "./transport.ts";

/** Finds what serves a contract in this process. */
export type FindDispatcher = (contract: DescService) => Dispatcher | undefined;

/**
 * Carries calls within this process: no socket and no bytes, but the same policies as everywhere. Nothing is
 * repeated or sent twice: there is one replica, and no way to it that could break.
 *
 * @param find what serves a contract
 */
export function localTransport(find: FindDispatcher): Transport {
  function open(method: Parameters<Transport["call"]>[0], outbound: Outbound) {
    const dispatcher = find(method.parent);
    if (dispatcher === undefined) {
      throw refuseMesh(
        MeshReason.DEPENDENCY_UNAVAILABLE,
        `${method.parent.typeName} does not run in this process`,
      );
    }
    const call = dispatcher.open({ method, headers: outbound.headers, deadline: outbound.deadline });
    // As over a socket, a caller that hangs up is answered at once and the work is told.
    const hungUp = Promise.withResolvers<never>();
    hungUp.promise.catch(() => {});
    const abort = () => {
      call.abort(outbound.signal.reason);
      hungUp.reject(stopped(outbound.signal.reason));
    };
    outbound.signal.addEventListener("abort", abort, { once: true });
    if (outbound.signal.aborted) abort();
    const release = () => outbound.signal.removeEventListener("abort", abort);
    return { dispatcher, call, hungUp: hungUp.promise, release };
  }

  return {
    async call(method, request, outbound) {
      const { dispatcher, call, hungUp, release } = open(method, outbound);
      try {
        const reply = await Promise.race([dispatcher.answer(call, request), hungUp]);
        if (isStream(reply)) throw new Error(`${method} answered with a stream`);
        if (!isEncoded(reply)) return { message: reply };
        return { message: reply.message ?? fromBinary(method.output, reply.encoded) };
      } catch (thrown) {
        throw toSoukError(thrown);
      } finally {
        outbound.onHeaders?.(call.responseHeaders);
        release();
      }
    },
    async *stream(method, request, outbound) {
      const { dispatcher, call, release } = open(method, outbound);
      try {
        const reply = await dispatcher.answer(call, request);
        if (!isStream(reply)) throw new Error(`${method} answered with a single message`);
        let begun = false;
        for await (const message of reply) {
          if (!begun) outbound.onHeaders?.(call.responseHeaders);
          begun = true;
          yield message;
        }
      } catch (thrown) {
        outbound.onHeaders?.(call.responseHeaders);
        throw toSoukError(thrown);
      } finally {
        hangUp(call);
        release();
      }
    },
    close() {},
  };
}

function hangUp(call: OpenCall): void {
  call.abort(stopped());
}
