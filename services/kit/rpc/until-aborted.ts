import { setImmediate as nextTurn } from "node:timers/promises";
import { stopped } from "../error.ts";

/**
 * Passes a stream on until the work it belongs to is aborted. What ends because the caller is gone
 * then fails, so that nobody takes it for the whole.
 *
 * @param source the stream
 * @param signal of the work
 * @throws SoukError that says why the work was aborted
 */
export async function* untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {});
  const abort = () => aborted.reject(stopped(signal.reason));
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  const parts = source[Symbol.asyncIterator]();
  try {
    while (true) {
      const { done, value } = await Promise.race([parts.next(), aborted.promise]);
      // HTTP/2 ends a stream that is reset first, and tells that it was reset in the same turn.
      if (done) await nextTurn();
      if (signal.aborted) throw stopped(signal.reason);
      if (done) return;
      yield value;
    }
  } catch (error) {
    // A stream that breaks because the caller is gone says so less clearly.
    throw signal.aborted ? stopped(signal.reason) : error;
  } finally {
    signal.removeEventListener("abort", abort);
    // Not awaited: it may wait for a part that never comes.
    parts.return?.()?.catch(() => {});
  }
}
