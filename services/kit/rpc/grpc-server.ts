import type { Readable } from "node:stream";
import { type DescMethod, type Message, toBinary } from "@bufbuild/protobuf";
import {
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { stopped, toSoukError } from "../error.ts";
import { decodeRequest } from "../policy/decode.ts";
import { isEncoded, isStream, type OpenCall, type Payload } from "./call.ts";
import type { Dispatcher } from "./dispatch.ts";
import { asBuffer, toStatus } from "./status.ts";
import { STREAM_RESETS } from "./stream-resets.ts";
import { turnAwayEarly } from "./turn-away.ts";

/** The largest message taken, in bytes. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** A gRPC server that is listening. */
export interface GrpcServer {
  readonly port: number;
  /** Takes no new calls and waits for those under way, `graceMs` at most. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Serves the contracts of a dispatcher over gRPC.
 *
 * @param dispatchers what answers the calls; contracts must not repeat
 * @param host the address to listen on
 * @param port the port; 0 picks one
 * @throws Error when the port cannot be had
 */
export async function startGrpcServer(
  dispatchers: readonly Dispatcher[],
  host: string,
  port: number,
): Promise<GrpcServer> {
  const server = new Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    // A proxy keeps its connections; those that went away without a word are noticed.
    "grpc.keepalive_time_ms": 60_000,
  });
  // No option of grpc-js reaches these settings of Node's HTTP/2 server.
  Object.assign((server as unknown as { commonServerOptions: object }).commonServerOptions, STREAM_RESETS);
  for (const dispatcher of dispatchers) {
    for (const { contract } of dispatcher.implemented) {
      server.addService(definitionOf(contract.methods), handlersOf(contract.methods, dispatcher));
    }
  }
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, actual) =>
      error === null ? resolve(actual) : reject(error),
    );
  });
  turnAwayEarly(server, dispatchers);
  return {
    port: bound,
    async stop(graceMs) {
      const timer = setTimeout(() => server.forceShutdown(), graceMs);
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      clearTimeout(timer);
    },
  };
}

/**
 * The grpc-js definition of some methods. Bytes pass through unread, so that what does not parse
 * is refused by us as a caller's mistake and not by grpc-js as one of ours.
 */
export function definitionOf(methods: readonly DescMethod[]): ServiceDefinition {
  const passThrough = (bytes: Buffer) => bytes;
  return Object.fromEntries(
    methods.map((method) => [
      method.localName,
      {
        path: `/${method.parent.typeName}/${method.name}`,
        requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
        responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
        requestSerialize: passThrough,
        requestDeserialize: passThrough,
        responseSerialize: passThrough,
        responseDeserialize: passThrough,
      },
    ]),
  );
}

function handlersOf(methods: readonly DescMethod[], dispatcher: Dispatcher): UntypedServiceImplementation {
  return Object.fromEntries(methods.map((method) => [method.localName, handlerOf(method, dispatcher)]));
}

function handlerOf(method: DescMethod, dispatcher: Dispatcher): UntypedServiceImplementation[string] {
  switch (method.methodKind) {
    case "unary":
      return ((grpc, callback) => {
        answerOnce(method, dispatcher, grpc, { encoded: grpc.request }, callback);
      }) satisfies handleUnaryCall<Buffer, Buffer>;
    case "client_streaming":
      return ((grpc, callback) => {
        answerOnce(method, dispatcher, grpc, decodeEach(method, grpc), callback);
      }) satisfies handleClientStreamingCall<Buffer, Buffer>;
    case "server_streaming":
      return ((grpc) => {
        const call = open(dispatcher, method, grpc);
        void writeAll(method, call, grpc, dispatcher.answer(call, { encoded: grpc.request }));
      }) satisfies handleServerStreamingCall<Buffer, Buffer>;
    case "bidi_streaming":
      return ((grpc) => {
        const call = open(dispatcher, method, grpc);
        void writeAll(method, call, grpc, dispatcher.answer(call, decodeEach(method, grpc)));
      }) satisfies handleBidiStreamingCall<Buffer, Buffer>;
  }
}

type GrpcCall =
  | ServerUnaryCall<Buffer, Buffer>
  | ServerReadableStream<Buffer, Buffer>
  | ServerWritableStream<Buffer, Buffer>
  | ServerDuplexStream<Buffer, Buffer>;

function open(dispatcher: Dispatcher, method: DescMethod, grpc: GrpcCall): OpenCall {
  const { metadata } = grpc;
  const deadline = grpc.getDeadline();
  const call = dispatcher.open({
    method,
    headers: { get: (name) => metadata.get(name)[0]?.toString() },
    deadline: typeof deadline === "number" ? deadline : deadline.getTime(),
  });
  (grpc as NodeJS.EventEmitter).on("cancelled", () => call.abort(stopped()));
  return call;
}

function answerOnce(
  method: DescMethod,
  dispatcher: Dispatcher,
  grpc: ServerUnaryCall<Buffer, Buffer> | ServerReadableStream<Buffer, Buffer>,
  request: Payload,
  callback: sendUnaryData<Buffer>,
): void {
  const call = open(dispatcher, method, grpc);
  // grpc-js says of every call that it is cancelled, also when it was answered: nothing is left to be stopped then.
  const settle = () => (grpc as NodeJS.EventEmitter).removeAllListeners("cancelled");
  dispatcher.answer(call, request).then(
    (reply) => {
      settle();
      grpc.sendMetadata(responseMetadata(call));
      callback(null, encode(method, reply));
    },
    (thrown) => {
      settle();
      callback({ ...toStatus(thrown, responseMetadata(call)), name: "", message: "" });
    },
  );
}

async function writeAll(
  method: DescMethod,
  call: OpenCall,
  grpc: ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>,
  answered: Promise<Payload>,
): Promise<void> {
  try {
    const reply = await answered;
    if (!isStream(reply)) throw new Error(`${method} answered with a single message`);
    // What is sent along is known once the handler has begun: a stream begins when it is first read.
    let begun = false;
    for await (const message of reply) {
      if (grpc.cancelled) return;
      if (!begun) grpc.sendMetadata(responseMetadata(call));
      begun = true;
      if (!grpc.write(encode(method, message))) await drained(grpc, call);
    }
    if (!begun) grpc.sendMetadata(responseMetadata(call));
    grpc.end();
  } catch (thrown) {
    if (!grpc.cancelled)
      grpc.emit("error", {
        ...toStatus(thrown, responseMetadata(call)),
        message: toSoukError(thrown).message,
      });
  }
}

function drained(grpc: NodeJS.EventEmitter, { signal }: OpenCall): Promise<void> {
  return new Promise((resolve) => {
    const proceed = () => {
      grpc.off("drain", proceed);
      signal.removeEventListener("abort", proceed);
      resolve();
    };
    grpc.once("drain", proceed);
    signal.addEventListener("abort", proceed, { once: true });
  });
}

async function* decodeEach(method: DescMethod, messages: Readable): AsyncIterable<Message> {
  // A handler that stops reading still answers: its stream must not be destroyed under the answer.
  for await (const bytes of messages.iterator({ destroyOnReturn: false })) yield decodeRequest(method, bytes);
}

function encode(method: DescMethod, reply: Payload): Buffer {
  return asBuffer(isEncoded(reply) ? reply.encoded : toBinary(method.output, reply as Message));
}

function responseMetadata({ requestId, responseHeaders }: OpenCall): Metadata {
  const metadata = new Metadata();
  metadata.set("x-request-id", requestId);
  for (const [name, value] of responseHeaders) metadata.set(name, value);
  return metadata;
}
