import {
  create,
  type DescMethod,
  type DescService,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { methodName } from "../contract.ts";
import { MeshReason, refuseMesh } from "../error.ts";
import type { Call, Decoded, Handler } from "./call.ts";

/** The functions that serve a contract, one a method. */
export type Implementation<S extends DescService, Later extends keyof S["method"] = never> = {
  [M in Exclude<keyof S["method"], Later>]: MethodImplementation<S["method"][M]>;
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
 * @param later names of methods that this release does not serve; they answer UNIMPLEMENTED
 */
export function implement<S extends DescService, const Later extends keyof S["method"] = never>(
  contract: S,
  methods: Implementation<S, Later>,
  later: readonly Later[] = [],
): Implemented {
  const handlers = new Map<DescMethod, Handler<Decoded>>();
  for (const method of contract.methods) {
    const name = method.localName as keyof typeof methods;
    handlers.set(
      method,
      later.includes(name as unknown as Later)
        ? notServed(method)
        : handlerOf(method, methods[name] as never),
    );
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

function notServed(method: DescMethod): Handler {
  return async () => {
    throw refuseMesh(MeshReason.NOT_SERVED, `${methodName(method)} is not served by this release`);
  };
}
