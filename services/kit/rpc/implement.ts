import {
  create,
  type DescMethod,
  type DescService,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { Call, Decoded, Handler } from "./call.ts";

/** The functions that serve a contract, one a method. */
export type Implementation<S extends DescService> = {
  [M in keyof S["method"]]: MethodImplementation<S["method"][M]>;
};

/** The function that serves a method, by its kind of streaming. */
export type MethodImplementation<M extends DescMethod> = M["methodKind"] extends "unary"
  ? (request: MessageShape<M["input"]>, call: Call) => Promise<MessageInitShape<M["output"]>>
  : M["methodKind"] extends "server_streaming"
    ? (request: MessageShape<M["input"]>, call: Call) => AsyncIterable<MessageInitShape<M["output"]>>
    : M["methodKind"] extends "client_streaming"
      ? (
          requests: AsyncIterable<MessageShape<M["input"]>>,
          call: Call,
        ) => Promise<MessageInitShape<M["output"]>>
      : (
          requests: AsyncIterable<MessageShape<M["input"]>>,
          call: Call,
        ) => AsyncIterable<MessageInitShape<M["output"]>>;

/** A contract with what serves it. */
export interface Implemented {
  readonly contract: DescService;
  readonly handlers: ReadonlyMap<DescMethod, Handler<Decoded>>;
}

/**
 * Binds functions to a contract.
 *
 * @param contract the contract
 * @param methods a function for each method
 */
export function implement<S extends DescService>(contract: S, methods: Implementation<S>): Implemented {
  const handlers = new Map<DescMethod, Handler<Decoded>>();
  for (const method of contract.methods) {
    const name = method.localName as keyof typeof methods;
    handlers.set(method, handlerOf(method, methods[name] as never));
  }
  return { contract, handlers };
}

type AnyImplementation = (request: unknown, call: Call) => unknown;

function handlerOf(method: DescMethod, serve: AnyImplementation): Handler<Decoded> {
  const { output } = method;
  if (method.methodKind === "unary" || method.methodKind === "client_streaming") {
    return async (call, request) => create(output, (await serve(request, call)) as never);
  }
  return async (call, request) => eachCreated(serve(request, call) as AsyncIterable<never>);

  async function* eachCreated(answers: AsyncIterable<never>): AsyncIterable<Message> {
    for await (const answer of answers) yield create(output, answer);
  }
}
