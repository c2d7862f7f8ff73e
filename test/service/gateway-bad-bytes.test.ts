import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import test from "ava";
import { afterFile } from "../after-file.ts";
import {
  BIDI_STREAM,
  type EchoGateway,
  MAX_BODY_BYTES,
  openEchoGateway,
  SERVER_STREAM,
  UNARY,
} from "./gateway-echo.ts";
import { exchangeHttp1, exchangeHttp2, type Outgoing } from "./gateway-exchange.ts";
import { enveloped, outcomeOf } from "./gateway-outcome.ts";

let gateway: EchoGateway;
const file = afterFile(test);

test.before(async () => {
  gateway = await openEchoGateway(file, "direct");
});

/** How each protocol writes a request, where it says what compression that has, and what it takes of a call. */
const PROTOCOLS = {
  Connect: {
    type: "application/proto",
    path: UNARY,
    wrap: (bytes: Buffer) => bytes,
    encoding: "content-encoding",
  },
  "a stream of Connect": {
    type: "application/connect+proto",
    path: SERVER_STREAM,
    wrap: enveloped,
    encoding: "connect-content-encoding",
  },
  "gRPC-Web": { type: "application/grpc-web+proto", path: UNARY, wrap: enveloped, encoding: "grpc-encoding" },
  gRPC: { type: "application/grpc", path: UNARY, wrap: enveloped, encoding: "grpc-encoding" },
  "a stream of gRPC": {
    type: "application/grpc+proto",
    path: SERVER_STREAM,
    wrap: enveloped,
    encoding: "grpc-encoding",
  },
} as const;

const garbage = Buffer.from([0xff, 0xff, 0xff]);
const COMPRESSED = 1;

for (const [protocol, { type, path, wrap, encoding }] of Object.entries(PROTOCOLS)) {
  const send = async (body: Buffer, headers: Record<string, string> = {}) =>
    outcomeOf(
      await exchangeHttp2(gateway.own, {
        method: "POST",
        path,
        headers: { "content-type": type, ...headers },
        body,
      }),
    );

  test(`${protocol}: bytes that are no message are the caller's mistake, and the answer names the message`, async (t) => {
    t.like(await send(wrap(garbage)), { code: "invalid_argument", reason: "INVALID_REQUEST" });
    t.regex((await send(wrap(garbage))).message, /souk\.echo\.v1\.Echo/);
    t.like(await send(wrap(Buffer.from([0x0a, 2, 0xc3, 0x28]))), { code: "invalid_argument" }, "no UTF-8");
  });

  test(`${protocol}: what is not compressed as it says is the caller's mistake`, async (t) => {
    for (const broken of [garbage, gzipSync("x".repeat(1_000)).subarray(0, 20)]) {
      const body = wrap === enveloped ? enveloped(broken, COMPRESSED) : broken;
      const outcome = await send(body, { [encoding]: "gzip" });
      t.like(outcome, { code: "invalid_argument", reason: "INVALID_REQUEST" });
      t.regex(outcome.message, /decompress/);
    }
    // The protocols ask for this code, so that a caller may try another compression.
    t.like(await send(wrap(garbage), { [encoding]: "zstd" }), { code: "unimplemented" });
  });

  test(`${protocol}: a message that is too large is refused`, async (t) => {
    const large = wrap(Buffer.alloc(MAX_BODY_BYTES + 1));
    t.like(await send(large), { code: "resource_exhausted" });
    const grown = gzipSync(Buffer.alloc(MAX_BODY_BYTES + 1));
    const body = wrap === enveloped ? enveloped(grown, COMPRESSED) : grown;
    t.like(await send(body, { [encoding]: "gzip" }), { code: "resource_exhausted" });
  });

  if (wrap !== enveloped) continue;

  test(`${protocol}: an envelope that is cut off, or compressed without saying how, is the caller's mistake`, async (t) => {
    const whole = enveloped(Buffer.from([0x0a, 1, 0x61]));
    for (const length of [1, 4, whole.length - 1]) {
      const outcome = await send(whole.subarray(0, length));
      t.like(outcome, { code: "invalid_argument", reason: "INVALID_REQUEST" }, String(length));
      t.regex(outcome.message, /envelope/);
    }
    const outcome = await send(enveloped(garbage, COMPRESSED));
    t.like(outcome, { code: "invalid_argument", reason: "INVALID_REQUEST" });
    t.regex(outcome.message, /no header names the compression/);
  });
}

/** What is refused by its head. */
const HEADS: Record<string, { request: Omit<Outgoing, "body">; status: number; names: RegExp }> = {
  "a content type that nobody takes": {
    request: { method: "POST", path: UNARY, headers: { "content-type": "text/plain" } },
    status: 415,
    names: /text\/plain/,
  },
  "no content type": {
    request: { method: "POST", path: UNARY },
    status: 415,
    names: /content type is missing/,
  },
  "a stream's content type for a method that is none": {
    request: { method: "POST", path: UNARY, headers: { "content-type": "application/connect+json" } },
    status: 415,
    names: /application\/connect\+json/,
  },
  "text of gRPC-Web": {
    request: { method: "POST", path: UNARY, headers: { "content-type": "application/grpc-web-text" } },
    status: 415,
    names: /grpc-web-text/,
  },
  "a method of HTTP that Connect has not": {
    request: { method: "DELETE", path: UNARY },
    status: 405,
    names: /POST, GET/,
  },
  "a stream both ways over HTTP/1.1": {
    request: { method: "POST", path: BIDI_STREAM, headers: { "content-type": "application/connect+json" } },
    status: 505,
    names: /HTTP\/2/,
  },
  "GET for a stream": { request: { method: "GET", path: SERVER_STREAM }, status: 405, names: /POST/ },
  "GET in an unknown encoding": {
    request: { method: "GET", path: `${UNARY}?encoding=xml&message=` },
    status: 415,
    names: /encoding/,
  },
  "GET with base64 that is none": {
    request: { method: "GET", path: `${UNARY}?encoding=json&base64=1&message=%C3%BC` },
    status: 400,
    names: /base64/,
  },
};

for (const [what, { request, status, names }] of Object.entries(HEADS)) {
  test(`${what} is the caller's mistake, and the answer names it`, async (t) => {
    const body = request.method === "GET" ? {} : { body: Buffer.from("{}") };
    const answer = await exchangeHttp1(gateway.own, { ...request, ...body });
    t.is(answer.status, status);
    const { code, message, reason } = outcomeOf(answer);
    t.deepEqual([code, reason], ["invalid_argument", "INVALID_REQUEST"]);
    t.regex(message, names);
  });
}

test("a host that is none does no harm", async (t) => {
  const socket = connect(gateway.own, "127.0.0.1");
  t.teardown(() => socket.destroy());
  await once(socket, "connect");
  socket.write(`POST ${SERVER_STREAM} HTTP/1.1\r\nhost: [\r\nconnection: close\r\n`);
  socket.write("content-type: application/connect+json\r\ncontent-length: 2\r\n\r\n{}");
  t.regex(await text(socket), /^HTTP\/1\.1 400 /);
  const request = { method: "POST", path: UNARY, headers: { "content-type": "application/json" } } as const;
  t.is((await exchangeHttp1(gateway.own, { ...request, body: Buffer.from("{}") })).status, 200);
});

test("a request of any length that nobody announced is refused when it is too large", async (t) => {
  const socket = connect(gateway.own, "127.0.0.1");
  t.teardown(() => socket.destroy());
  socket.write(`POST ${UNARY} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n`);
  socket.write("content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n");
  for (let sent = 0; sent <= MAX_BODY_BYTES; sent += 0x4000)
    socket.write(`4000\r\n${"x".repeat(0x4000)}\r\n`);
  socket.write("0\r\n\r\n");
  t.regex(await text(socket), /^HTTP\/1\.1 429 [\s\S]*resource_exhausted/);
});
