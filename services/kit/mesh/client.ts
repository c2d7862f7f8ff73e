import type { DescMethod, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { AnswerHeaders } from "./transport.ts";

/** What may be said with one call. */
export interface CallOptions {
  /** The key under which a repetition of the call has no further effect. */
  readonly idempotencyKey?: string;
  /** A shorter deadline than the policy's, in ms from now. */
  readonly timeoutMs?: number;
  /** Ends the call early. */
  readonly signal?: AbortSignal;
  /**
   * Told of what the service sends along, before the answer is given or the error thrown; a stream that fails
   * midway tells twice.
   */
  readonly onHeaders?: (headers: AnswerHeaders) => void;
}

/** A typed client of one service of the mesh. */
export type MeshClient<S extends DescService> = {
  [M in keyof S["method"]]: ClientMethod<S["method"][M]>;
};

/** A method of a client, by its kind of streaming. */
export type ClientMethod<M extends DescMethod> = M["methodKind"] extends "unary"
  ? (request: MessageInitShape<M["input"]>, options?: CallOptions) => Promise<MessageShape<M["output"]>>
  : M["methodKind"] extends "server_streaming"
    ? (
        request: MessageInitShape<M["input"]>,
        options?: CallOptions,
      ) => AsyncIterable<MessageShape<M["output"]>>
    : M["methodKind"] extends "client_streaming"
      ? (
          requests: AsyncIterable<MessageInitShape<M["input"]>>,
          options?: CallOptions,
        ) => Promise<MessageShape<M["output"]>>
      : (
          requests: AsyncIterable<MessageInitShape<M["input"]>>,
          options?: CallOptions,
        ) => AsyncIterable<MessageShape<M["output"]>>;
