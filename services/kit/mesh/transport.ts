import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { Decoded } from "../rpc/call.ts";

/** What was sent along with an answer, by name in lower case. */
export interface AnswerHeaders {
  get(name: string): string | undefined;
}

/** What a service answered, as it came. */
export interface Answer {
  /** The message; one that came as bytes is decoded when it is first asked for. */
  readonly message: Message;
  /** The bytes of the message, where it came as bytes. */
  readonly bytes?: Uint8Array;
}

/** What goes with a call to another service. */
export interface Outbound {
  readonly headers: ReadonlyMap<string, string>;
  /** In ms since the epoch. */
  readonly deadline: number;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Told of what is sent along, before the answer is given or the error thrown. */
  readonly onHeaders?: (headers: AnswerHeaders) => void;
}

/** Carries calls to services: the one thing in which data planes differ. */
export interface Transport {
  /**
   * Calls a method that answers once.
   *
   * @throws SoukError whatever the status of the answer was
   */
  call(method: DescMethod, request: Decoded, outbound: Outbound): Promise<Answer>;
  /**
   * Calls a method that answers with a stream. The call is made when the stream is first read, and
   * ended when it is left.
   *
   * @throws SoukError while it is read
   */
  stream(method: DescMethod, request: Decoded, outbound: Outbound): AsyncIterable<Message>;
  /** Lets go of connections. */
  close(): void;
}
