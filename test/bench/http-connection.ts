import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** An answer, as far as a load generator looks at it. */
export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** A kept-alive connection on which one request after the other is sent. */
export interface HttpConnection {
  /**
   * Sends a request and waits for the whole answer.
   *
   * @param request a complete HTTP/1.1 request
   * @throws Error when the connection breaks
   */
  send(request: Buffer): Promise<Answer>;
  close(): void;
}

const HEAD_END = Buffer.from("\r\n\r\n");

/**
 * Connects to an HTTP/1.1 server (RFC 9112). It does far less than `node:http`, which would take as
 * much of the processor as the server that is measured.
 *
 * @param host the address of the server
 * @param port its port
 */
export async function openHttpConnection(host: string, port: number): Promise<HttpConnection> {
  const socket: Socket = connect({ host, port, noDelay: true });
  await once(socket, "connect");
  let received: Buffer = Buffer.alloc(0);
  let waiting: PromiseWithResolvers<Answer> | undefined;

  socket.on("data", (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const answer = readAnswer(received);
    if (answer === undefined) return;
    received = Buffer.alloc(0);
    waiting?.resolve(answer);
    waiting = undefined;
  });
  const fail = (why: Error) => {
    waiting?.reject(why);
    waiting = undefined;
  };
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("the server closed the connection")));

  return {
    send(request) {
      waiting = Promise.withResolvers();
      socket.write(request);
      return waiting.promise;
    },
    close: () => socket.destroy(),
  };
}

/**
 * Writes a request with a JSON body.
 *
 * @param path the path
 * @param body the body
 * @param headers more headers
 */
export function writeRequest(path: string, body: string, headers: Readonly<Record<string, string>>): Buffer {
  const lines = [
    `POST ${path} HTTP/1.1`,
    "host: localhost",
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

/** Reads an answer; undefined while it is not all there. Only one is ever under way, so nothing follows it. */
function readAnswer(bytes: Buffer): Answer | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = bytes.toString("latin1", 0, headEnd);
  const start = headEnd + HEAD_END.length;
  const status = Number(head.slice(9, 12));
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const end = start + Number(length);
    return bytes.length < end ? undefined : { status, body: bytes.subarray(start, end) };
  }
  const body = readChunks(bytes, start);
  return body && { status, body };
}

/** Reads a chunked body (RFC 9112, section 7.1). */
function readChunks(bytes: Buffer, start: number): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const end = lineEnd + 2 + size;
    if (bytes.length < end + 2) return undefined;
    if (size === 0) return Buffer.concat(parts);
    parts.push(bytes.subarray(lineEnd + 2, end));
    at = end + 2;
  }
}
