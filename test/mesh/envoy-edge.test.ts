import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import test, { type ExecutionContext } from "ava";
import { Code } from "#kit/error.ts";
import { PROXY_SECRET, startTestEnvoy } from "./envoy-program.ts";
import { rawCall } from "./envoy-raw-call.ts";

const getProduct = "/souk.product.v1.ProductService/GetProduct";
const watchOrder = "/souk.order.v1.OrderService/WatchOrder";
const json = { "content-type": "application/json" };

test("the gateway gets what a caller says, but not what only services may say", async (t) => {
  const edge = await startEdge(t, echo);
  if (edge === undefined) return;
  const got = await edge.headersAtGateway(getProduct, {
    authorization: "Bearer of-a-user",
    "idempotency-key": "k1",
    "souk-service-token": "of-a-service",
    "souk-client-address": "198.51.100.1",
    "souk-proxy-secret": "a guess",
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x-envoy-retry-on": "5xx",
    "x-forwarded-for": "203.0.113.9",
  });
  t.like(got, { authorization: "Bearer of-a-user", "idempotency-key": "k1", ":path": getProduct });
  t.deepEqual(
    Object.entries(got).filter(([name]) => /^(souk|x-envoy-(retry|up))/.test(name)),
    [["souk-proxy-secret", PROXY_SECRET]],
    "by which the gateway knows Envoy",
  );
  t.regex(String(got["x-forwarded-for"]), /^203\.0\.113\.9,[\d.]+$/, "what Envoy saw stands last");
});

test("a caller's request id is kept, one without gets one, and both find it in the answer", async (t) => {
  const edge = await startEdge(t, echo);
  if (edge === undefined) return;
  for (const given of [
    "0af7651916cd43dd8448eb211c80319c",
    "4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
    "cart:7.b",
  ]) {
    const answer = await edge.post(getProduct, { "x-request-id": given });
    t.is(answer.headers.get("x-request-id"), given);
    t.is(((await answer.json()) as IncomingHttpHeaders)["x-request-id"], given);
  }
  const answer = await edge.post(getProduct);
  const made = answer.headers.get("x-request-id") ?? "";
  t.regex(made, /^[\w-]{36}$/);
  t.is(((await answer.json()) as IncomingHttpHeaders)["x-request-id"], made);
});

test("a request that announces more bytes than are taken is refused before it is sent", async (t) => {
  const edge = await startEdge(t, echo);
  if (edge === undefined) return;
  const socket = connect(Number(new URL(edge.url).port), "127.0.0.1");
  t.teardown(() => socket.destroy());
  socket.write(
    `POST ${getProduct} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-length: 4194305\r\n\r\n`,
  );
  const answer = await text(socket);
  t.regex(answer, /^HTTP\/1.1 413 /);
  t.regex(answer, /content-type: application\/json\r\n/);
  t.true(
    answer.endsWith('{"code":"resource_exhausted","message":"a request may be 4194304 bytes long at most"}'),
  );
});

test("a gateway that is away is an error of Connect to browsers and one of gRPC to gRPC callers", async (t) => {
  const envoy = await startTestEnvoy(t, {});
  if (envoy === undefined) return;
  const message = "the service cannot be reached at the moment; try again";
  const answer = await fetch(`${envoy.edgeUrl}${getProduct}`, { method: "POST", headers: json, body: "{}" });
  t.is(answer.status, 503);
  t.is(answer.headers.get("content-type"), "application/json");
  t.truthy(answer.headers.get("x-request-id"));
  t.deepEqual(await answer.json(), { code: "unavailable", message });
  const grpc = await rawCall(t, new URL(envoy.edgeUrl).host, getProduct);
  t.is(grpc.code, Code.UNAVAILABLE);
  t.is(grpc.message, message);
});

test("paths are made plain before they are looked at, and those that hide slashes are refused", async (t) => {
  const edge = await startEdge(t, echo);
  if (edge === undefined) return;
  const pathOf = async (path: string) => (await edge.headersAtGateway(path))[":path"];
  t.is(await pathOf(`/nowhere/..//${getProduct}`), getProduct);
  t.is(await pathOf(`${getProduct}?message=%7B%2F%7D`), `${getProduct}?message=%7B%2F%7D`);
  t.is((await edge.post("/souk.product.v1.ProductService%2FGetProduct")).status, 400);
  t.is((await edge.post(getProduct, { "souk_service-token": "of-a-service" })).status, 400);
});

test("a stream passes message by message, over HTTP/1.1 too, and its end reaches the gateway", async (t) => {
  const streams: ServerHttp2Stream[] = [];
  const edge = await startEdge(t, (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/connect+json" });
    stream.write("first");
    streams.push(stream);
  });
  if (edge === undefined) return;
  const hangUp = new AbortController();
  const answer = await edge.post(watchOrder, {}, hangUp.signal);
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const next = async () => Buffer.from((await reader.read()).value ?? []).toString();
  t.is(await next(), "first");
  const [stream] = streams as [ServerHttp2Stream];
  stream.write("second");
  t.is(await next(), "second");
  // Not once(): an error comes first.
  const closed = new Promise<void>((resolve) => stream.once("close", resolve));
  hangUp.abort();
  await closed;
});

test("each request is logged as JSON, with its id and without its query", async (t) => {
  const edge = await startEdge(t, echo);
  if (edge === undefined) return;
  await (await edge.post(`${getProduct}?message=secret`, { "x-request-id": "r-1" })).text();
  await edge.stop();
  const log = readFileSync(edge.accessLog, "utf8");
  t.false(log.includes("secret"));
  const lines = log
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  t.is(lines.length, 1);
  t.like(lines[0], { listener: "edge", requestId: "r-1", path: getProduct, method: "POST", status: 200 });
});

/** Answers with the headers of the request. */
function echo(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  stream.respond({ ":status": 200, ...json });
  stream.end(JSON.stringify(headers));
}

/** Starts Envoy before a server that stands in for the gateway, and shows what Envoy lets through to it. */
async function startEdge(
  t: ExecutionContext,
  serve: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
) {
  const gateway = createServer();
  const sessions = new Set<{ destroy(): void }>();
  gateway.on("session", (session) => sessions.add(session));
  gateway.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    // Envoy's health check is refused, which leaves the only replica in use.
    if (headers[":path"] === "/grpc.health.v1.Health/Check")
      stream.respond({ ":status": 404 }, { endStream: true });
    else serve(stream, headers);
  });
  gateway.listen(0, "127.0.0.1");
  await once(gateway, "listening");
  t.teardown(() => {
    for (const session of sessions) session.destroy();
    gateway.close();
  });
  const envoy = await startTestEnvoy(t, { gateway: [(gateway.address() as AddressInfo).port] });
  if (envoy === undefined) return undefined;
  const { edgeUrl: url, accessLog, stop } = envoy;
  const post = (path: string, headers = {}, signal?: AbortSignal) =>
    fetch(`${url}${path}`, {
      method: "POST",
      headers: { ...json, ...headers },
      body: "{}",
      ...(signal && { signal }),
    });
  return {
    url,
    accessLog,
    stop,
    post,
    headersAtGateway: async (path: string, headers = {}) =>
      (await (await post(path, headers)).json()) as IncomingHttpHeaders,
  };
}
