import type { IncomingMessage } from "node:http";
import test from "ava";
import { Code, MeshReason, refuseMesh, SoukError } from "#kit/error.ts";
import type { Call } from "#kit/rpc/call.ts";
import { clientAddresses } from "../../services/gateway/client-address.ts";
import type { Echo } from "../mesh/echo-mesh.ts";
import { ORIGIN, openEchoGateway, SERVER_STREAM, UNARY } from "./gateway-echo.ts";
import { exchangeHttp1, exchangeHttp2, type Outgoing } from "./gateway-exchange.ts";
import { enveloped, outcomeOf } from "./gateway-outcome.ts";

const json = { "content-type": "application/json" };
const SECRET = "a secret of the proxy and the gateway";
/** What services send along in these tests; the last one is not for those outside. */
const SENT = {
  "cache-control": "max-age=60",
  etag: '"v1"',
  ratelimit: '"anonymous";r=99;t=60',
  "ratelimit-policy": '"anonymous";q=100;w=60',
  vary: "Authorization",
  "x-internal": "stays inside",
};

/** Sends headers along, and fails when it is told to. */
async function unary({ text }: Echo, { responseHeaders, clientAddress = "" }: Call) {
  for (const [name, value] of Object.entries(SENT)) responseHeaders.set(name, value);
  if (text === "busy") throw refuseMesh(MeshReason.BREAKER_OPEN, "come back", { retryAfterMs: 1_200 });
  if (text === "own") responseHeaders.set("retry-after", "9");
  if (text === "own") throw refuseMesh(MeshReason.BREAKER_OPEN, "come back", { retryAfterMs: 1_200 });
  return { text: text === "whence" ? clientAddress : text };
}

async function* serverStream({ text }: Echo, call: Call) {
  yield await unary({ text } as Echo, call);
}

function post(text: string, headers: Record<string, string> = {}): Outgoing {
  const body = Buffer.from(JSON.stringify({ text }));
  return { method: "POST", path: UNARY, headers: { ...json, ...headers }, body };
}

function get(text: string, headers: Record<string, string> = {}): Outgoing {
  const query = new URLSearchParams({ encoding: "json", message: JSON.stringify({ text }) });
  return { method: "GET", path: `${UNARY}?${query}`, headers };
}

for (const plane of ["direct", "local"] as const) {
  test(`${plane}: what services tell of their answers reaches the caller by every protocol, and nothing else`, async (t) => {
    const { own } = await openEchoGateway(t, plane, { unary, serverStream });
    const message = Buffer.from([0x0a, 1, 0x61]);
    const answers = {
      connect: await exchangeHttp1(own, post("a")),
      get: await exchangeHttp2(own, get("a")),
      stream: await exchangeHttp2(own, {
        method: "POST",
        path: SERVER_STREAM,
        headers: { "content-type": "application/connect+proto" },
        body: enveloped(message),
      }),
      grpcWeb: await exchangeHttp1(own, {
        method: "POST",
        path: UNARY,
        headers: { "content-type": "application/grpc-web+proto" },
        body: enveloped(message),
      }),
      grpc: await exchangeHttp2(own, {
        method: "POST",
        path: UNARY,
        headers: { "content-type": "application/grpc" },
        body: enveloped(message),
      }),
    };
    const { vary, "x-internal": _, ...passed } = SENT;
    for (const [protocol, { status, headers }] of Object.entries(answers)) {
      t.is(status, 200, protocol);
      t.like(headers, passed, protocol);
      t.true(headers["vary"]?.startsWith(`Origin, ${vary}`), protocol);
      t.is(headers["x-internal"], undefined, protocol);
    }
  });

  test(`${plane}: an error brings them, too, and says when to come back`, async (t) => {
    const { own, library } = await openEchoGateway(t, plane, { unary });
    for (const port of [own, library]) {
      const busy = await exchangeHttp1(port, post("busy", { origin: ORIGIN }));
      t.is(busy.status, 503);
      t.like(busy.headers, { ratelimit: SENT.ratelimit, "retry-after": "2" }, "rounded up from 1.2 s");
      t.regex(busy.headers["access-control-expose-headers"] ?? "", /ratelimit.*retry-after/);
      t.is((await exchangeHttp1(port, post("own"))).headers["retry-after"], "9", "the service knows better");
    }
  });

  test(`${plane}: who has an answer is told by its tag that nothing has changed`, async (t) => {
    const { own } = await openEchoGateway(t, plane, { unary });
    for (const tags of ['"v1"', 'W/"v1"', '"v0", "v1"', "*"]) {
      for (const exchange of [exchangeHttp1, exchangeHttp2]) {
        const { status, headers, body } = await exchange(own, get("a", { "if-none-match": tags }));
        t.is(status, 304, tags);
        t.is(body.length, 0);
        t.like(headers, { etag: '"v1"', "cache-control": "max-age=60" });
        t.is(headers["content-type"], undefined);
      }
    }
    t.is((await exchangeHttp1(own, get("a", { "if-none-match": '"v0"' }))).status, 200);
    t.is((await exchangeHttp1(own, get("busy", { "if-none-match": "*" }))).status, 503);
    t.is(
      (await exchangeHttp1(own, post("a", { "if-none-match": '"v1"' }))).status,
      200,
      "POST is no question",
    );
    const packed = await exchangeHttp1(own, get("x".repeat(2_000), { "accept-encoding": "gzip" }));
    t.like(packed.headers, { "content-encoding": "gzip", etag: 'W/"v1"' });
    t.regex(packed.headers["vary"] ?? "", /Accept-Encoding$/);
  });

  test(`${plane}: a header that gRPC cannot carry is refused by its name, a trace that is none is left out`, async (t) => {
    const { own, library } = await openEchoGateway(t, plane, {
      unary: async (_: Echo, { traceparent = "none" }: Call) => ({ text: traceparent }),
    });
    for (const port of [own, library]) {
      for (const name of ["authorization", "idempotency-key"]) {
        const answer = await exchangeHttp1(port, post("a", { [name]: "Bearer \u00e9" }));
        t.is(answer.status, 400);
        t.like(outcomeOf(answer), { code: "invalid_argument", reason: "INVALID_REQUEST" });
        t.true(outcomeOf(answer).message.includes(`header ${name} `));
      }
      for (const trace of ["\u00e9", "x".repeat(9_000)]) {
        const answer = await exchangeHttp1(port, post("a", { traceparent: trace }));
        t.false(answer.body.includes(trace));
        t.is(answer.status, 200);
      }
      const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
      const followed = await exchangeHttp1(
        port,
        post("a", { traceparent: `00-${trace}-00f067aa0ba902b7-01` }),
      );
      t.true(followed.body.includes(trace));
    }
  });

  test(`${plane}: services learn whence a call came, whatever the caller says of it`, async (t) => {
    const lie = { "souk-client-address": "198.51.100.1", "x-forwarded-for": "198.51.100.1" };
    const direct = await openEchoGateway(t, plane, { unary });
    const behind = await openEchoGateway(t, plane, { unary }, { proxies: { count: 1, secret: SECRET } });
    const told = async (port: number, headers: Record<string, string>) =>
      JSON.parse((await exchangeHttp2(port, post("whence", headers))).body.toString()).text;
    for (const port of [direct.own, direct.library, behind.own, behind.library]) {
      t.is(await told(port, lie), "127.0.0.1");
      t.is(await told(port, { ...lie, "souk-proxy-secret": "a guess" }), "127.0.0.1");
    }
    for (const port of [behind.own, behind.library]) {
      const proven = { ...lie, "souk-proxy-secret": SECRET };
      t.is(await told(port, { ...proven, "x-forwarded-for": "198.51.100.1, 203.0.113.9" }), "203.0.113.9");
      t.is(await told(port, { ...proven, "x-forwarded-for": "nonsense" }), "127.0.0.1");
    }
  });
}

test("an answer that is remembered is given only while the service gives the same one", async (t) => {
  let answered = 0;
  const changing = async ({ text }: Echo) => ({ text: `${text} ${Math.floor(answered++ / 2)}` });
  const { own } = await openEchoGateway(t, "direct", { unary: changing });
  const texts: string[] = [];
  for (let call = 0; call < 6; call++) {
    texts.push(JSON.parse((await exchangeHttp1(own, post("version"))).body.toString()).text);
  }
  t.deepEqual(texts, ["version 0", "version 0", "version 1", "version 1", "version 2", "version 2"]);
});

test("a caller that hangs up ends the work that was done for it", async (t) => {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const slow = async (_: Echo, { signal }: Call) => {
    begun.resolve();
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    ended.resolve();
    throw new SoukError(Code.CANCELLED, "nobody waits");
  };
  const { own } = await openEchoGateway(t, "direct", { unary: slow });
  const hangUp = new AbortController();
  const call = fetch(`http://127.0.0.1:${own}${UNARY}`, {
    method: "POST",
    headers: json,
    body: "{}",
    signal: hangUp.signal,
  });
  await begun.promise;
  hangUp.abort();
  await t.throwsAsync(call);
  await ended.promise;
});

test("X-Forwarded-For is read from the right, past the proxies that are trusted", (t) => {
  const request = (forwarded: string | undefined, peer = "::ffff:192.0.2.1") =>
    ({
      headers: { "x-forwarded-for": forwarded },
      socket: { remoteAddress: peer },
    }) as unknown as IncomingMessage;
  const two = clientAddresses({ count: 2, secret: undefined });
  t.is(two(request("198.51.100.1, 203.0.113.9, 10.0.0.1")), "203.0.113.9");
  t.is(two(request("2001:db8::1,10.0.0.1")), "2001:db8::1");
  t.is(two(request("203.0.113.9")), "203.0.113.9", "a proxy that was left out");
  t.is(two(request(undefined)), "192.0.2.1");
  t.is(clientAddresses({ count: 0, secret: undefined })(request("198.51.100.1")), "192.0.2.1");
});
