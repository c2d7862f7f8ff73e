import { brotliCompressSync, gzipSync } from "node:zlib";
import test from "ava";
import { Code, MeshReason, refuseMesh, SoukError } from "#kit/error.ts";
import type { Call } from "#kit/rpc/call.ts";
import type { Echo } from "../mesh/echo-mesh.ts";
import { MAX_BODY_BYTES, ORIGIN, openEchoGateway, UNARY } from "./gateway-echo.ts";
import { exchangeHttp1, exchangeHttp2, type Incoming, type Outgoing } from "./gateway-exchange.ts";

const json = { "content-type": "application/json" };
const proto = { "content-type": "application/proto" };
const LONG = "long ".repeat(1_000);

/** Answers as the request says. */
async function unary({ text, number }: Echo, { responseHeaders, headers }: Call) {
  responseHeaders.set("cache-control", "max-age=60");
  responseHeaders.set("x-internal", "stays inside");
  if (text === "tagged") responseHeaders.set("etag", '"v1"');
  if (text === "header") return { text: headers.get("idempotency-key") ?? "none" };
  if (text === "busy") throw refuseMesh(MeshReason.BREAKER_OPEN, "come back", { retryAfterMs: 1_200 });
  if (text === "mute") throw new SoukError(Code.NOT_FOUND, "");
  if (text === "broken") throw new Error("a secret of ours");
  if (text === "wordy") throw new SoukError(Code.FAILED_PRECONDITION, LONG);
  return { text: text === "long" ? LONG : text, number };
}

function post(body: string | Uint8Array, headers: Record<string, string> = json): Outgoing {
  return { method: "POST", path: UNARY, headers, body: Buffer.from(body as string) };
}

function get(query: Record<string, string>, headers: Record<string, string> = {}): Outgoing {
  return { method: "GET", path: `${UNARY}?${new URLSearchParams(query)}`, headers };
}

const hello = Buffer.from([0x0a, 2, 0x68, 0x69, 0x10, 7]);
const askLong = '{"text":"long"}';

/** Requests of every kind that the protocol has, good and bad. */
const REQUESTS: Readonly<Record<string, Outgoing>> = {
  JSON: post('{"text":"hi","number":"7"}'),
  "JSON with a charset": post('{"text":"ü"}', { "content-type": "application/json; charset=utf-8" }),
  "JSON with a byte-order mark": post('\ufeff{"text":"hi"}'),
  "JSON that is empty": post("{}"),
  binary: post(hello, proto),
  "binary that is empty": post("", proto),
  "an unknown field in binary": post(Buffer.from([...hello, 0x78, 1]), proto),
  "a version of the protocol": post("{}", { ...json, "connect-protocol-version": "1" }),
  "another version of the protocol": post("{}", { ...json, "connect-protocol-version": "2" }),
  "an idempotency key": post('{"text":"header"}', { ...json, "idempotency-key": "k1" }),
  "a page that may call": post("{}", { ...json, origin: ORIGIN }),
  "a page that may not": post("{}", { ...json, origin: "https://evil.example" }),
  "time enough": post("{}", { ...json, "connect-timeout-ms": "5000" }),
  "no time that can be read": post("{}", { ...json, "connect-timeout-ms": "soon" }),
  "more time than can be written": post("{}", { ...json, "connect-timeout-ms": "99999999999" }),
  "a request in gzip": post(gzipSync('{"text":"hi"}'), { ...json, "content-encoding": "gzip" }),
  "a request in br": post(brotliCompressSync(hello), { ...proto, "content-encoding": "br" }),
  "a request as it is": post("{}", { ...json, "content-encoding": "identity" }),
  "a request in gzip that is none": post("{}", { ...json, "content-encoding": "gzip" }),
  "half a request in gzip": post(gzipSync(askLong).subarray(0, 20), { ...json, "content-encoding": "gzip" }),
  "a request in an unknown compression": post("{}", { ...json, "content-encoding": "zstd" }),
  "a request that grows too large": post(gzipSync("x".repeat(MAX_BODY_BYTES + 1)), {
    ...json,
    "content-encoding": "gzip",
  }),
  "a request that is too large": post(`{"text":"${"x".repeat(MAX_BODY_BYTES)}"}`),
  "an answer in gzip": post(askLong, { ...json, "accept-encoding": "deflate, gzip;q=1, gzip, br" }),
  "an answer in br": post(askLong, { ...json, "accept-encoding": "br" }),
  "an answer as it is": post(askLong, { ...json, "accept-encoding": "identity" }),
  "an answer in the compression of the request": post(gzipSync(askLong), {
    ...json,
    "content-encoding": "gzip",
  }),
  "an answer that is too short to compress": post("{}", { ...json, "accept-encoding": "gzip" }),
  "a binary answer in gzip": post(Buffer.from([0x0a, 4, ...Buffer.from("long")]), {
    ...proto,
    "accept-encoding": "gzip",
  }),
  "a refusal that brings when to come back": post('{"text":"busy"}'),
  "a refusal of a binary request": post(Buffer.from([0x0a, 4, ...Buffer.from("busy")]), proto),
  "a refusal without a word": post('{"text":"mute"}'),
  "a refusal in gzip": post('{"text":"wordy"}', { ...json, "accept-encoding": "gzip" }),
  "a fault of ours": post('{"text":"broken"}'),
  "text that is no JSON": post("{"),
  "more values than a message can have": post(`{"text":[${'"",'.repeat(20_000)}""]}`),
  "bytes that are no UTF-8": post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])),
  "bytes that are no message": post(Buffer.from([0xff, 0xff]), proto),
  "GET in JSON": get({ connect: "v1", encoding: "json", message: '{"text":"hi"}' }),
  "GET in binary": get({ encoding: "proto", base64: "1", message: hello.toString("base64url") }),
  "GET in padded base64": get({ encoding: "proto", base64: "1", message: hello.toString("base64") }),
  "GET in gzip": get({
    encoding: "json",
    base64: "1",
    compression: "gzip",
    message: gzipSync('{"text":"hi"}').toString("base64url"),
  }),
  "GET in an unknown compression": get({ encoding: "json", compression: "zstd", message: "{}" }),
  "GET without a message": get({ encoding: "json" }),
  "GET without a message in binary": get({ encoding: "proto" }),
  "GET with a content type": get({ encoding: "json", message: "{}" }, json),
  "GET without an encoding": get({ message: "{}" }),
  "GET for a long answer in gzip": get({ encoding: "json", message: askLong }, { "accept-encoding": "gzip" }),
  "a content type of something else": post("{}", { "content-type": "text/plain" }),
  "no content type": post("{}", {}),
  "a method that HTTP has and Connect has not": { method: "DELETE", path: UNARY },
};

/** What differs from one answer to the next, and what the gateway says beyond the library (caches need it). */
const APART = new Set(["date", "content-length", "x-request-id", "vary"]);

function comparable({ status, headers, body }: Incoming) {
  const told = Object.entries(headers).filter(([name]) => !APART.has(name));
  return { status, headers: Object.fromEntries(told), body: body.toString("latin1") };
}

for (const plane of ["direct", "local"] as const) {
  test(`${plane}: what the gateway serves by itself is answered as Connect's library answers it`, async (t) => {
    const gateway = await openEchoGateway(t, plane, { unary });
    for (const exchange of [exchangeHttp1, exchangeHttp2]) {
      for (const [what, request] of Object.entries(REQUESTS)) {
        const [library, own, again] = [
          await exchange(gateway.library, request),
          await exchange(gateway.own, request),
          await exchange(gateway.own, request),
        ];
        t.deepEqual(comparable(own), comparable(library), `${exchange.name}: ${what}`);
        t.deepEqual(comparable(again), comparable(library), `${exchange.name}: ${what}, again`);
      }
    }
  });
}
