import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { Payload } from "../rpc/call.ts";

/** What goes with a call to another service. */
export interface Outbound {
  readonly headers: ReadonlyMap<string, string>;
  /** In ms since the epoch. */
  readonly deadline: number;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** Carries calls to services: the one thing in which data planes differ. */
export interface Transport {
  /**
   * Calls a method that answers once.
   *
   * @throws SoukError whatever the status of the answer was
   */
  call(method: DescMethod, request: Payload, outbound: Outbound): Promise<Message>;
  /**
   * Calls a method that answers with a stream. The call is made when the stream is first read, and
   * ended when it is left.
   *
   * @throws SoukError while it is read
   */
  stream(method: DescMethod, request: Payload, outbound: Outbound): AsyncIterable<Message>;
  /** Lets go of connections. */
  close(): void;
}
