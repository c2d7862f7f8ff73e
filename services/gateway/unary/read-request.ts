import type { IncomingMessage } from "node:http";
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { contentTypeUnaryRegExp } from "@connectrpc/connect/protocol-connect";
import { decodeRequest } from "#kit/policy/decode.ts";
import { malformed } from "../blame-caller.ts";
import { readJson } from "../read-json.ts";

/** Which form of a unary request came, as far as its head says. */
export interface RequestForm {
  /** Protobuf's binary format, or else JSON. */
  readonly binary: boolean;
  /** The name of the compression; null when it says none. */
  readonly compression: string | null;
  /** The query of a GET, which holds the request; undefined for a POST. */
  readonly query: URLSearchParams | undefined;
}

/** Given to who waits for a request whose sender is gone. */
export const HUNG_UP = new ConnectError("the caller hung up", Code.Canceled);

const BINARY = /^application\/proto/i;

/**
 * The form of a request of the Connect protocol for a method without streams
 * (connectrpc.com/docs/protocol, "Unary-Request" and "Unary-Get-Request").
 *
 * @param request the request
 * @param mayGet whether the method may be asked with GET
 * @returns undefined when it is none
 */
export function formOf(
  { method, url = "", headers }: IncomingMessage,
  mayGet: boolean,
): RequestForm | undefined {
  const type = headers["content-type"];
  if (method === "POST") {
    if (type === undefined || !contentTypeUnaryRegExp.test(type)) return undefined;
    return {
      binary: BINARY.test(type),
      compression: headers["content-encoding"] ?? null,
      query: undefined,
    };
  }
  if (method !== "GET" || !mayGet) return undefined;
  const at = url.indexOf("?");
  const query = new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
  const encoding = query.get("encoding");
  if (encoding !== "json" && encoding !== "proto") return undefined;
  return { binary: encoding === "proto", compression: query.get("compression"), query };
}

/**
 * Reads the bytes of a request.
 *
 * @param request the request
 * @param form its form
 * @param decompress undoes its compression; null when there is none
 * @param maxBytes how many bytes are taken at most, before and after that
 * @throws ConnectError when there are more, or what came is broken
 */
export async function readBytes(
  request: IncomingMessage,
  { query }: RequestForm,
  decompress: Compression | null,
  maxBytes: number,
): Promise<Uint8Array> {
  const bytes = query === undefined ? await readBody(request, maxBytes) : bytesOf(query);
  return decompress === null ? bytes : decompress.decompress(bytes, maxBytes);
}

/**
 * Reads the message of a request.
 *
 * @throws ConnectError or SoukError INVALID_REQUEST
 */
export function readMessage(method: DescMethod, binary: boolean, bytes: Uint8Array): Message {
  return binary ? decodeRequest(method, bytes) : readJson(method, bytes);
}

function bytesOf(query: URLSearchParams): Uint8Array {
  const message = query.get("message") ?? "";
  if (query.get("base64") !== "1") return Buffer.from(message);
  try {
    return base64Decode(message);
  } catch (cause) {
    throw malformed("the parameter message is not base64, as base64=1 says", { cause });
  }
}

/**
 * Reads the body of a request.
 *
 * @param maxBytes how many bytes are taken at most
 * @throws ConnectError when there are more, or its sender hangs up
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const announced = Number(request.headers["content-length"]);
    if (announced > maxBytes) {
      reject(tooLarge(`message size ${announced}`, maxBytes));
      request.resume();
      return;
    }
    const chunks: Buffer[] = [];
    let read = 0;
    request.on("data", (chunk: Buffer) => {
      read += chunk.length;
      // What is refused still comes in, but is kept no longer.
      if (read > maxBytes) reject(tooLarge("message size", maxBytes));
      else chunks.push(chunk);
    });
    request.once("end", () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    request.once("error", () => reject(HUNG_UP));
    request.once("close", () => reject(HUNG_UP));
  });
}

function tooLarge(what: string, maxBytes: number): ConnectError {
  return new ConnectError(
    `${what} is larger than configured readMaxBytes ${maxBytes}`,
    Code.ResourceExhausted,
  );
}
