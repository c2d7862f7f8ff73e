import { once } from "node:events";
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { connect } from "node:http2";
import { brotliDecompressSync, gunzipSync } from "node:zlib";

/** A request as it is written, with nothing added to it. */
export interface Outgoing {
  readonly method: "POST" | "GET" | "DELETE";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** An answer as it was read. */
export interface Incoming {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** What was sent, decompressed. */
  readonly body: Buffer;
  /** The trailers; over HTTP/2 only. */
  readonly trailers: Readonly<Record<string, string>>;
}

/**
 * Sends a request over HTTP/1.1.
 *
 * @param port of the server on this machine
 */
export async function exchangeHttp1(port: number, out: Outgoing): Promise<Incoming> {
  const { method, path, headers = {}, body } = out;
  const sent = httpRequest({ host: "127.0.0.1", port, method, path, headers: withLength(headers, body) });
  sent.end(body);
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  const read = await readAll(answer);
  return incoming(answer.statusCode ?? 0, answer.headers, read, {});
}

/**
 * Sends a request over HTTP/2, with prior knowledge.
 *
 * @param port of the server on this machine
 */
export async function exchangeHttp2(port: number, out: Outgoing): Promise<Incoming> {
  const { method, path, headers = {}, body } = out;
  const session = connect(`http://127.0.0.1:${port}`);
  try {
    const stream = session.request({ ":method": method, ":path": path, ...headers });
    let trailers = {};
    stream.once("trailers", (it) => {
      trailers = it;
    });
    stream.end(body);
    const [answer] = await once(stream, "response");
    const read = await readAll(stream);
    const { ":status": status, ...rest } = answer;
    return incoming(Number(status), rest, read, trailers);
  } finally {
    session.destroy();
  }
}

/** A body over HTTP/1.1 would be chunked without it. */
function withLength(headers: Readonly<Record<string, string>>, body?: Uint8Array): OutgoingHttpHeaders {
  return body === undefined ? headers : { "content-length": String(body.length), ...headers };
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function incoming(status: number, headers: object, read: Buffer, trailers: object): Incoming {
  const texts = (them: object) =>
    Object.fromEntries(Object.entries(them).map(([name, value]) => [name, String(value)]));
  const encoding = texts(headers)["content-encoding"];
  const body = encoding === "gzip" ? gunzipSync(read) : encoding === "br" ? brotliDecompressSync(read) : read;
  return { status, headers: texts(headers), body, trailers: texts(trailers) };
}
