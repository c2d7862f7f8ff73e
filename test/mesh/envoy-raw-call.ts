import { once } from "node:events";
import { connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import type { ExecutionContext } from "ava";

/** A message in the frame of gRPC (gRPC over HTTP/2, Length-Prefixed-Message). */
export function frame(message: Uint8Array = new Uint8Array()): Buffer<ArrayBuffer> {
  const framed = Buffer.alloc(5 + message.length);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, 5);
  return framed;
}

/** How a call ended, as it stands on the wire. */
export interface RawAnswer {
  /** The gRPC status code; -1 when the answer holds none. */
  readonly code: number;
  readonly message: string;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Makes a gRPC call over bare HTTP/2: no client keeps a deadline or repeats it.
 *
 * @param address host and port
 * @param path the path, with its slash
 * @param headers more headers
 * @param message the request; an empty one when left out
 */
export async function rawCall(
  t: ExecutionContext,
  address: string,
  path: string,
  headers: OutgoingHttpHeaders = {},
  message?: Uint8Array,
): Promise<RawAnswer> {
  const session = connect(`http://${address}`);
  t.teardown(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  let all: IncomingHttpHeaders = {};
  stream.on("response", (response) => {
    all = { ...all, ...response };
  });
  stream.on("trailers", (trailers) => {
    all = { ...all, ...trailers };
  });
  stream.end(frame(message));
  stream.resume();
  await once(stream, "close");
  return {
    code: Number(all["grpc-status"] ?? -1),
    message: decodeURIComponent(String(all["grpc-message"] ?? "")),
    headers: all,
  };
}
