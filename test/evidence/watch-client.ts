import { create, type DescMethod, type DescService, type Message } from "@bufbuild/protobuf";
import type { MeshClient } from "#kit/mesh/client.ts";
import { noteError, noteSecretsSent, noteSecretsTold } from "./collect.ts";

type Method = (request: never, options?: never) => Promise<Message> | AsyncIterable<Message>;

/**
 * Notes the secrets that go through a client, and the errors that come out of it.
 *
 * @param service the contract
 * @param client its client
 */
export function watchClient<S extends DescService>(service: S, client: MeshClient<S>): MeshClient<S> {
  const methods = client as unknown as Record<string, Method>;
  return Object.fromEntries(
    service.methods.map((method) => [method.localName, watched(method, methods[method.localName] as Method)]),
  ) as never;
}

function watched(method: DescMethod, call: Method): Method {
  const answersOnce = method.methodKind === "unary" || method.methodKind === "client_streaming";
  const sendsOnce = method.methodKind === "unary" || method.methodKind === "server_streaming";
  const send: Method = (request, options) => {
    if (sendsOnce) noteSecretsSent(method.input, create(method.input, request));
    return call(request, options);
  };
  if (!answersOnce)
    return (request, options) => eachNoted(method, send(request, options) as AsyncIterable<Message>);
  return async (request, options) => {
    try {
      const answer = await (send(request, options) as Promise<Message>);
      noteSecretsTold(method.output, answer);
      return answer;
    } catch (thrown) {
      noteError(thrown);
      throw thrown;
    }
  };
}

async function* eachNoted(method: DescMethod, answers: AsyncIterable<Message>): AsyncIterable<Message> {
  try {
    for await (const answer of answers) {
      noteSecretsTold(method.output, answer);
      yield answer;
    }
  } catch (thrown) {
    noteError(thrown);
    throw thrown;
  }
}
