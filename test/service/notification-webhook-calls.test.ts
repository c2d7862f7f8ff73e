import { connect as connectSocket } from "node:net";
import test from "ava";
import { pino } from "pino";
import { uuidv7 } from "uuidv7";
import { sealUnder } from "#kit/data/seal.ts";
import { callEndpoint } from "../../services/notification/webhook/call-endpoint.ts";
import { endpointBreakers } from "../../services/notification/webhook/endpoint-breakers.ts";
import { rotateSecret, updateEndpoint } from "../../services/notification/webhook/endpoints.ts";
import { isPublicAddress } from "../../services/notification/webhook/public-address.ts";
import { readRetryAfter } from "../../services/notification/webhook/retry-after.ts";
import { signMessage } from "../../services/notification/webhook/sign-message.ts";
import { reasonOf, refusal } from "../refusal.ts";
import type { Teardown } from "../stores.ts";
import { notificationDatabase } from "./notification-post.ts";
import {
  addEndpoint,
  scope,
  signaturesOf,
  startReceiver,
  status,
  webhooksOf,
} from "./notification-receiver.ts";
import { until } from "./payment-desk.ts";

/** A receiver, an endpoint that is there, and what calls it. */
async function openEndpoint(t: Teardown, more: Parameters<typeof webhooksOf>[2] = {}) {
  const receiver = await startReceiver(t);
  const webhooks = webhooksOf(t, await notificationDatabase(t), more);
  const id = await addEndpoint(webhooks, receiver.url);
  const call = (options?: Parameters<typeof callEndpoint>[3]) =>
    callEndpoint(webhooks, id, { id: uuidv7(), body: '{"a":1}' }, options);
  return { receiver, webhooks, id, call };
}

test("a message is signed as an example of the specification's own libraries is", (t) => {
  const secret = Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64");
  const message = { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", body: '{"test": 2432232314}' };
  t.deepEqual(signMessage(message, new Date(1_614_265_330_999), [secret]), {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

test("under a new key in the settings nothing is sent unsigned; an endpoint that gets a new secret is called again", async (t) => {
  const { receiver, webhooks, id } = await openEndpoint(t);
  const renewed = webhooksOf(t, webhooks.db, { seal: sealUnder("another secret of 32 characters", "souk") });
  const call = () => callEndpoint(renewed, id, { id: uuidv7(), body: "{}" });
  const outcome = await call();
  t.is(outcome.kind, "unanswered");
  t.regex("reason" in outcome ? outcome.reason : "", /RotateWebhookSecret/);
  t.is(receiver.calls.length, 0);
  await rotateSecret(renewed, scope, id);
  t.is((await call()).kind, "taken");
  t.is(signaturesOf(receiver.calls[0]).length, 1);
});

test("an endpoint that asks for patience gets it, when it is too busy and within bounds", async (t) => {
  const { receiver, call } = await openEndpoint(t);
  const patience: (number | undefined)[] = [];
  for (const [code, retryAfter] of [
    [429, "120"],
    [503, "7"],
    [503, undefined],
    [500, "120"],
    [404, "120"],
  ] as const) {
    receiver.answerWith(status(code, retryAfter === undefined ? {} : { "retry-after": retryAfter }));
    const outcome = await call({ always: true });
    t.like(outcome, { kind: "refused", forGood: false, statusCode: code });
    patience.push("retryAfterMs" in outcome ? outcome.retryAfterMs : undefined);
  }
  t.deepEqual(patience, [120_000, 7_000, undefined, undefined, undefined]);

  const now = Date.parse("2026-11-26T22:00:00Z");
  const read = (header: string) => readRetryAfter(header, now);
  t.is(read("0"), 1_000);
  t.is(read("999999999"), 6 * 3_600_000);
  t.is(read("Thu, 26 Nov 2026 22:01:30 GMT"), 90_000);
  t.is(read("Thu, 26 Nov 2020 22:01:30 GMT"), 1_000);
  t.is(read("soon"), undefined);
  t.is(read(""), undefined);
});

test("an endpoint that goes on failing is spared; a change of it, or a test that it passes, ends that", async (t) => {
  const { receiver, webhooks, id, call } = await openEndpoint(t);
  const failUntilSpared = async () => {
    receiver.answerWith(status(503));
    await until(async () => (await call()).kind === "spared");
    const before = receiver.calls.length;
    t.deepEqual(await call(), { kind: "spared", retryAfterMs: 100_000 });
    t.is(receiver.calls.length, before, "nothing was sent");
  };
  await failUntilSpared();
  t.is((await call({ always: true })).kind, "refused");
  t.is((await call()).kind, "spared", "a test that fails ends nothing");
  receiver.answerWith(status(200));
  t.is((await call({ always: true })).kind, "taken");
  t.is((await call()).kind, "taken");

  await failUntilSpared();
  receiver.answerWith(status(200));
  await updateEndpoint(webhooks, scope, id, { description: "Mended" }, "");
  t.is((await call()).kind, "taken");

  receiver.answerWith(status(400));
  for (let n = 0; n < 20; n++)
    t.is((await call()).kind, "refused", "who takes no such message is not failing");
});

test("an endpoint that was spared is tried by one call after a while, and is called again once it is well", async (t) => {
  const breakers = endpointBreakers(50, pino({ level: "silent" }));
  t.teardown(async () => breakers.stop());
  const { receiver, call } = await openEndpoint(t, { breakers });
  receiver.answerWith(status(500));
  await until(async () => (await call()).kind === "spared");
  receiver.answerWith(status(200));
  await until(async () => (await call()).kind === "taken");
  const kinds = await Promise.all(Array.from({ length: 10 }, async () => (await call()).kind));
  t.deepEqual(new Set(kinds), new Set(["taken"]));
});

test("no redirect is followed", async (t) => {
  const elsewhere = await startReceiver(t);
  const { receiver, call } = await openEndpoint(t);
  for (const code of [301, 302, 303, 307, 308]) {
    receiver.answerWith(status(code, { location: elsewhere.url }));
    t.like(await call({ always: true }), {
      kind: "refused",
      statusCode: code,
      reason: "it answered with a redirect, which is not followed",
    });
  }
  t.is(elsewhere.connections(), 0);
});

test("an answer that never ends holds up nothing, and one that never begins only until the time is up", async (t) => {
  const { receiver, webhooks, id, call } = await openEndpoint(t);
  let written = 0;
  receiver.answerWith((_, response) => {
    response.writeHead(200);
    const more = () => {
      do written += 10_000;
      while (response.write("x".repeat(10_000)));
    };
    response.on("drain", more);
    more();
  });
  t.like(await call(), { kind: "taken", statusCode: 200 });
  t.true(written < 50_000_000, "it is not read to its end");
  await until(async () => (await receiver.open()) === 0);

  receiver.answerWith((_, response) => void response.writeHead(200, { "x-long": "x".repeat(100_000) }).end());
  t.like(await call({ always: true }), { kind: "unanswered" });

  const callFor = (callMs: number) =>
    callEndpoint({ ...webhooks, callMs }, id, { id: uuidv7(), body: "{}" }, { always: true });
  receiver.answerWith(() => {});
  t.like(await callFor(200), { kind: "unanswered", reason: "it did not answer within 0.2 s" });
  receiver.answerWith((_, response) => void response.writeHead(202).flushHeaders());
  t.like(await callFor(3_000), { kind: "taken", statusCode: 202 });
  await until(async () => (await receiver.open()) === 0);
});

test("a call ends when nobody waits for it any more", async (t) => {
  const { receiver, call } = await openEndpoint(t);
  const hangUp = new AbortController();
  receiver.answerWith(() => hangUp.abort());
  t.is(await reasonOf(call({ signal: hangUp.signal })), "CALLER_GONE");
  await until(async () => (await receiver.open()) === 0);
});

test("outside of development an endpoint is https and not in a private network, also when its name leads there later", async (t) => {
  const receiver = await startReceiver(t);
  const db = await notificationDatabase(t);
  const strict = webhooksOf(t, db, { toPrivate: false });
  for (const [url, why] of [
    ["http://partner.example/", /https/],
    ["https://127.0.0.1/", /private network/],
    ["https://2130706433/", /private network/],
    ["https://0x7f.1/", /private network/],
    ["https://[::1]/", /private network/],
    ["https://[::ffff:10.0.0.1]/", /private network/],
    ["https://[64:ff9b::7f00:1]/", /private network/],
    [`https://localhost:${receiver.port}/`, /private network/],
    ["https://ada:secret@partner.example/", /user name/],
  ] as const) {
    const refused = await refusal(addEndpoint(strict, url));
    t.is(refused.reason, "WEBHOOK_URL_REFUSED", url);
    t.regex(refused.message, why, url);
  }
  // The names of these led elsewhere when they were added.
  for (const [url, reason] of [
    [
      `https://localhost:${receiver.port}/`,
      "the host leads to an address that is not on the public internet",
    ],
    [
      `https://127.0.0.1:${receiver.port}/`,
      "its address must lead to the public internet, not into a private network",
    ],
    [receiver.url, "its address must begin with https://"],
  ] as const) {
    const id = await addEndpoint(webhooksOf(t, db), url);
    const outcome = await callEndpoint(strict, id, { id: uuidv7(), body: "{}" });
    t.deepEqual(outcome, { kind: "unanswered", reason });
  }
  t.is(receiver.connections(), 0);
  connectSocket(receiver.port, "127.0.0.1").end();
  // One would have been seen.
  await until(() => receiver.connections() === 1);
});

test("addresses are public or not", (t) => {
  const publicOnes = [
    ...["1.1.1.1", "9.255.255.255", "11.0.0.0", "99.255.255.255", "100.63.255.255", "100.128.0.0"],
    ...["126.255.255.255", "128.0.0.0", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.0"],
    ...["192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"],
    ...["2606:4700:4700::1111", "2001:200::1", "2003::1", "2a00:1450:4001::1", "3ffe::1"],
  ];
  const others = [
    ...["0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254"],
    ...["169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1"],
    ...["192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"],
    ...["224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"],
    ...["::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b:1::1"],
    ...["100::1", "2001::1", "2001:1ff::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "4000::1", "5f00::1"],
    ...["fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1"],
    ...["", "localhost", "1.1.1", "1.1.1.1:443", "[2606:4700:4700::1111]"],
  ];
  t.deepEqual(publicOnes.filter(isPublicAddress), publicOnes);
  t.deepEqual(others.filter(isPublicAddress), []);
});
