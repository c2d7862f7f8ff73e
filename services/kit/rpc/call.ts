import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { Policy } from "../read-policy.ts";
import type { Scope } from "../scope.ts";

/** A call as its handler sees it. */
export interface Call extends Scope {
  readonly method: DescMethod;
  readonly policy: Policy;
  /** What the caller sent along. */
  readonly headers: RequestHeaders;
  /** What is sent along with the answer, names in lower case. */
  readonly responseHeaders: Map<string, string>;
  /** The service that calls, when it proved who it is. */
  readonly caller: string | undefined;
}

/** A call while the interceptors fill it in. */
export type OpenCall = { -readonly [K in keyof Call]: Call[K] } & {
  /** Ends the work: the deadline passed, or the caller is gone. */
  abort(reason: unknown): void;
};

/** The headers of a request, by name in lower case. */
export interface RequestHeaders {
  get(name: string): string | undefined;
}

/** What is sent one way: a message, or a stream of them. */
export type Payload = Message | AsyncIterable<Message>;

/** Answers a call. */
export type Handler = (call: OpenCall, request: Payload) => Promise<Payload>;

/** Wraps what is done with each call around the next handler. */
export type Interceptor = (next: Handler) => Handler;

/** Whether a payload is a stream. */
export function isStream(payload: Payload): payload is AsyncIterable<Message> {
  return Symbol.asyncIterator in payload;
}

/**
 * Watches the end of a call, whichever way it is answered.
 *
 * @param answer what the next handler gives
 * @param onEnd called once, with what was thrown when the call failed
 * @returns the answer, unchanged
 */
export async function observeEnd(
  answer: Promise<Payload>,
  onEnd: (thrown?: unknown) => void,
): Promise<Payload> {
  let reply: Payload;
  try {
    reply = await answer;
  } catch (thrown) {
    onEnd(thrown);
    throw thrown;
  }
  if (isStream(reply)) return observeStream(reply, onEnd);
  onEnd();
  return reply;
}

async function* observeStream(
  stream: AsyncIterable<Message>,
  onEnd: (thrown?: unknown) => void,
): AsyncIterable<Message> {
  let failure: unknown;
  try {
    yield* stream;
  } catch (thrown) {
    failure = thrown;
    throw thrown;
  } finally {
    onEnd(failure);
  }
}
