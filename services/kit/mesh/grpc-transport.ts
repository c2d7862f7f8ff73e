import { type DescMethod, type DescService, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  type ClientOptions,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { Code, MeshReason, refuseMesh, type SoukError } from "../error.ts";
import { isStream } from "../rpc/call.ts";
import { MAX_MESSAGE_BYTES } from "../rpc/grpc-server.ts";
import { asBuffer, fromStatus } from "../rpc/status.ts";
import type { Answer, AnswerHeaders, Outbound, Transport } from "./transport.ts";

/** Gives the channel target of a service, and the service configuration to use with it (gRFC A2). */
export type Resolve = (contract: DescService) => { readonly target: string; readonly serviceConfig?: object };

const OPTIONS: ClientOptions = {
  "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
  "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  // A service that comes back is found quickly: the default waits up to two minutes.
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
  // Colocated meshes in one process must not share channels that one of them closes.
  "grpc.use_local_subchannel_pool": 1,
};

/**
 * Carries calls over gRPC, with one channel a contract.
 *
 * @param resolve where contracts are served
 */
export function grpcTransport(resolve: Resolve): Transport {
  const clients = new Map<DescService, Client>();

  function clientOf({ parent }: DescMethod): Client {
    let client = clients.get(parent);
    if (client === undefined) {
      const { target, serviceConfig } = resolve(parent);
      const config = serviceConfig && { "grpc.service_config": JSON.stringify(serviceConfig) };
      client = new Client(target, credentials.createInsecure(), { ...OPTIONS, ...config });
      clients.set(parent, client);
    }
    return client;
  }

  return {
    call(method, request, outbound) {
      return new Promise((resolve, reject) => {
        const client = clientOf(method);
        const done = (error: ServiceError | null, bytes?: Buffer) => {
          outbound.signal.removeEventListener("abort", cancel);
          if (error === null) resolve(answerOf(method, bytes as Buffer));
          else reject(failureOf(error, outbound));
        };
        const { path, metadata, options } = callOf(method, outbound);
        const call = isStream(request)
          ? client.makeClientStreamRequest(path, passThrough, passThrough, metadata, options, done)
          : client.makeUnaryRequest(
              path,
              passThrough,
              passThrough,
              encode(method, request),
              metadata,
              options,
              done,
            );
        const cancel = () => call.cancel();
        outbound.signal.addEventListener("abort", cancel, { once: true });
        if (outbound.signal.aborted) cancel();
        watchHeaders(call, outbound);
        if (isStream(request)) void writeAll(method, request, call as ClientDuplexStream<Buffer, Buffer>);
      });
    },
    async *stream(method, request, outbound) {
      const client = clientOf(method);
      const { path, metadata, options } = callOf(method, outbound);
      const call = isStream(request)
        ? client.makeBidiStreamRequest(path, passThrough, passThrough, metadata, options)
        : client.makeServerStreamRequest(
            path,
            passThrough,
            passThrough,
            encode(method, request),
            metadata,
            options,
          );
      if (isStream(request)) void writeAll(method, request, call as ClientDuplexStream<Buffer, Buffer>);
      const cancel = () => call.cancel();
      outbound.signal.addEventListener("abort", cancel, { once: true });
      if (outbound.signal.aborted) cancel();
      watchHeaders(call, outbound);
      try {
        for await (const bytes of call as ClientReadableStream<Buffer>)
          yield fromBinary(method.output, bytes);
      } catch (thrown) {
        throw failureOf(thrown as ServiceError, outbound);
      } finally {
        outbound.signal.removeEventListener("abort", cancel);
        call.cancel();
      }
    },
    close() {
      for (const client of clients.values()) client.close();
      clients.clear();
    },
  };
}

const passThrough = (bytes: Buffer) => bytes;

/** Who only hands the answer on never pays for its decoding. */
function answerOf({ output }: DescMethod, bytes: Buffer): Answer {
  let decoded: Message | undefined;
  return {
    bytes,
    get message() {
      decoded ??= fromBinary(output, bytes);
      return decoded;
    },
  };
}

function watchHeaders(call: NodeJS.EventEmitter, { onHeaders }: Outbound): void {
  if (onHeaders !== undefined) call.once("metadata", (metadata: Metadata) => onHeaders(headersOf(metadata)));
}

/** A status may bring headers of its own (gRPC over HTTP/2, Trailers-Only). */
function failureOf(status: ServiceError, { onHeaders }: Outbound): SoukError {
  if (isBrokenConnection(status)) {
    const message = "the connection to the service broke before its answer was there";
    return refuseMesh(MeshReason.DEPENDENCY_UNAVAILABLE, message, { cause: status });
  }
  if (status.metadata !== undefined) onHeaders?.(headersOf(status.metadata));
  return fromStatus(status);
}

/** The codes that grpc-js makes of a stream or a session that was ended without a status. */
const BROKEN: ReadonlySet<number> = new Set([Code.INTERNAL, Code.UNKNOWN, Code.CANCELLED]);

/** What a service says comes with its headers, for example the id of the request; what grpc-js makes up has none. */
function isBrokenConnection({ code, details, metadata }: ServiceError): boolean {
  const fromService = metadata !== undefined && Object.keys(metadata.getMap()).length > 0;
  return BROKEN.has(code) && !fromService && details !== CANCELLED_HERE;
}

/** How grpc-js explains the end of a call that was cancelled on this side. */
const CANCELLED_HERE = "Cancelled on client";

function headersOf(metadata: Metadata): AnswerHeaders {
  return { get: (name) => metadata.get(name)[0]?.toString() };
}

function encode(method: DescMethod, message: Message): Buffer {
  return asBuffer(toBinary(method.input, message));
}

function callOf(method: DescMethod, { headers, deadline }: Outbound) {
  const metadata = new Metadata();
  for (const [name, value] of headers) metadata.set(name, value);
  const options: CallOptions = { deadline };
  return { path: `/${method.parent.typeName}/${method.name}`, metadata, options };
}

async function writeAll(
  method: DescMethod,
  messages: AsyncIterable<Message>,
  call: ClientDuplexStream<Buffer, Buffer>,
): Promise<void> {
  let ended = false;
  call.once("status", () => {
    ended = true;
    call.emit("drain");
  });
  try {
    for await (const message of messages) {
      if (ended) return;
      if (!call.write(encode(method, message))) await new Promise((resolve) => call.once("drain", resolve));
    }
    call.end();
  } catch {
    // Whoever produced the messages knows why they stopped; the service must not take what it has
    // for the whole.
    call.cancel();
  }
}
