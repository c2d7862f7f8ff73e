import { methodName } from "../contract.ts";
import { MeshReason, refuseMesh, stopped } from "../error.ts";
import { type Handler, observeEnd, type Payload } from "../rpc/call.ts";
import { isFromOutside, payerOf } from "./rate.ts";

/**
 * Bounds how many streams whoever calls from outside has open at a time at one replica of a service, or of the gateway,
 * where that answers itself. A stream counts as one call, however long it lasts: without a bound, who opens one after
 * the other holds a process' memory for nothing.
 *
 * @param most how many a user may have open, or an address of those who are not signed in
 */
export function streams(most: number) {
  const open = new Map<string, number>();

  function enter(payer: string): boolean {
    const count = open.get(payer) ?? 0;
    if (count >= most) return false;
    open.set(payer, count + 1);
    return true;
  }

  function leave(payer: string): void {
    const left = (open.get(payer) ?? 0) - 1;
    if (left > 0) open.set(payer, left);
    else open.delete(payer);
  }

  return <R extends Payload>(next: Handler<R>): Handler<R> =>
    async (call, request) => {
      if (call.method.methodKind === "unary" || !isFromOutside(call)) return next(call, request);
      // Whose time was up meanwhile reads no stream, so that its end would never be seen.
      if (call.signal.aborted) throw stopped(call.signal.reason);
      const payer = payerOf(call);
      if (!enter(payer)) {
        throw refuseMesh(
          MeshReason.TOO_MANY_STREAMS,
          `${most} streams are open for this caller, and that is the limit; end one, then call ${methodName(call.method)} again`,
          { metadata: { limit: String(most) } },
        );
      }
      return observeEnd(next(call, request), () => leave(payer));
    };
}
