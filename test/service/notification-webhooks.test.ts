import { readFileSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { pino } from "pino";
import { uuidv7 } from "uuidv7";
import { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { sealUnder } from "#kit/data/seal.ts";
import { Code } from "#kit/error.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import { notification } from "../../services/notification/service.ts";
import { callEndpoint } from "../../services/notification/webhook/call-endpoint.ts";
import { endpointBreakers } from "../../services/notification/webhook/endpoint-breakers.ts";
import { rotateSecret, updateEndpoint } from "../../services/notification/webhook/endpoints.ts";
import { isPublicAddress } from "../../services/notification/webhook/public-address.ts";
import { readRetryAfter } from "../../services/notification/webhook/retry-after.ts";
import { goodSecrets } from "../../services/notification/webhook/secrets.ts";
import { signMessage } from "../../services/notification/webhook/sign-message.ts";
import { afterFile } from "../after-file.ts";
import { noteSecret } from "../evidence/collect.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import { reasonOf, refusal } from "../refusal.ts";
import type { Teardown } from "../stores.ts";
import { connect, notificationDatabase } from "./notification-post.ts";
import {
  addEndpoint,
  type ReceivedCall,
  startReceiver,
  status,
  webhooksOf,
} from "./notification-receiver.ts";
import { until } from "./payment-desk.ts";

const CONFIRMED = "souk.order.v1.OrderConfirmed";
const SHIPPED = "souk.order.v1.OrderShipped";

let mesh: TestMesh;
let staff: MeshClient<typeof NotificationService>;
let isGenuine: (secret: string, headers: object, body: string, now?: number) => boolean;
const file = afterFile(test);

const scope = rootScopes(pino({ level: "silent" }), () => {
  throw new Error("notification calls no other service");
})({ timeoutMs: 600_000 });

test.before(async () => {
  const env = { NOTIFICATION_SMTP_URL: "smtp://127.0.0.1:1", NOTIFICATION_WEBHOOKS_TO_PRIVATE: "on" };
  mesh = await startTestMesh(file, [notification], { env });
  staff = mesh.as(NotificationService);
  const lines = /<!-- verify-webhook -->\n```js\n([\s\S]*?)```/.exec(readFileSync("README.md", "utf8"))?.[1];
  ({ isGenuine } = await import(`data:text/javascript,${encodeURIComponent(lines ?? "")}`));
});

/** Adds an endpoint by a call, and notes its secret in each form, so that the run is searched for it. */
async function create(url: string, events = [CONFIRMED]) {
  const { endpoint, secret } = await staff.createWebhookEndpoint({ url, events });
  return { id: endpoint?.id ?? "", etag: endpoint?.etag ?? "", secret: noted(secret) };
}

function noted(secret: string): string {
  noteSecret(secret.slice("whsec_".length), "a secret of a webhook endpoint");
  return secret;
}

async function rotate(id: string) {
  const { secret, previousExpireTime } = await staff.rotateWebhookSecret({ id });
  return { secret: noted(secret), previousExpireTime };
}

/** A receiver, an endpoint that is there, and what calls it. */
async function openEndpoint(t: Teardown, more: Parameters<typeof webhooksOf>[2] = {}) {
  const receiver = await startReceiver(t);
  const webhooks = webhooksOf(t, await notificationDatabase(t), more);
  const id = await addEndpoint(webhooks, scope, receiver.url);
  const call = (options?: Parameters<typeof callEndpoint>[3]) =>
    callEndpoint(webhooks, id, { id: uuidv7(), body: '{"a":1}' }, options);
  return { receiver, webhooks, id, call };
}

test("a call is signed so that the README's lines find it genuine, and nothing that was changed on its way", async (t) => {
  const receiver = await startReceiver(t);
  const { id, secret } = await create(receiver.url);
  t.regex(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  const { attempt } = await staff.testWebhookEndpoint({ id });
  t.like(attempt, { statusCode: 204, error: "" });

  t.is(receiver.calls.length, 1);
  const { method, headers, body } = receiver.calls[0] as ReceivedCall;
  t.is(method, "POST");
  t.is(headers["content-type"], "application/json");
  t.is(headers["traceparent"], undefined);
  t.is(JSON.parse(body).type, "souk.notification.v1.WebhookTest");
  t.true(isGenuine(secret, headers, body));
  t.false(isGenuine(secret, headers, `${body} `));
  t.false(isGenuine(secret, { ...headers, "webhook-id": uuidv7() }, body));
  const later = String(Number(headers["webhook-timestamp"]) + 1);
  t.false(isGenuine(secret, { ...headers, "webhook-timestamp": later }, body));
  t.false(isGenuine((await create(receiver.url)).secret, headers, body));
  t.false(isGenuine(secret, headers, body, Date.now() + 6 * 60_000), "an old call is played again");
});

test("a message is signed as an example of the specification's own libraries is", (t) => {
  const secret = Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64");
  const message = { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", body: '{"test": 2432232314}' };
  t.deepEqual(signMessage(message, new Date(1_614_265_330_999), [secret]), {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

test("secrets that were replaced sign for a day, also where the answer to a rotation was lost", async (t) => {
  const receiver = await startReceiver(t);
  const { id, secret } = await create(receiver.url);
  const { secret: lost } = await rotate(id);
  const { secret: newest, previousExpireTime } = await rotate(id);
  const leftMs = timestampDate(previousExpireTime as never).getTime() - Date.now();
  t.true(leftMs > 23 * 3_600_000 && leftMs <= 24 * 3_600_000, `${leftMs}`);
  t.is(new Set([secret, lost, newest]).size, 3);

  const signers = async () => {
    await staff.testWebhookEndpoint({ id });
    const { headers, body } = receiver.calls.at(-1) as ReceivedCall;
    t.is(headers["webhook-signature"]?.toString().split(" ").length, signaturesOf(headers).length);
    return [secret, lost, newest].filter((it) => isGenuine(it, headers, body));
  };
  t.deepEqual(await signers(), [secret, lost, newest]);
  const db = connect(mesh.env["NOTIFICATION_DATABASE_URL"] as string);
  t.teardown(() => db.close());
  const endADay = `update webhook_secret set expire_time = expire_time - interval '24 hours' where endpoint_id = $1`;
  await db.pool.run(endADay, [id]);
  t.deepEqual(await signers(), [newest]);

  for (let n = 0; n < 20; n++) await rotate(id);
  await staff.testWebhookEndpoint({ id });
  t.is(signaturesOf(receiver.calls.at(-1)?.headers ?? {}).length, 10, "calls do not grow without end");
});

function signaturesOf(headers: ReceivedCall["headers"]): string[] {
  return String(headers["webhook-signature"])
    .split(" ")
    .filter((it) => it.startsWith("v1,"));
}

test("whoever reads the database learns no secret, and cannot give one to another endpoint", async (t) => {
  const db = await notificationDatabase(t);
  const webhooks = webhooksOf(t, db);
  const [mine, theirs] = [
    await addEndpoint(webhooks, scope, "https://mine.example"),
    await addEndpoint(webhooks, scope, "https://theirs.example"),
  ];
  const [secret] = await goodSecrets(db, webhooks.seal, mine);
  const { rows } = await db.pool.run("select secret from webhook_secret where endpoint_id = $1", [mine]);
  t.is(secret?.length, 32);
  t.false(rows[0].secret.includes(secret));
  await db.pool.run("update webhook_secret set secret = $1 where endpoint_id = $2", [rows[0].secret, theirs]);
  t.deepEqual(await goodSecrets(db, webhooks.seal, theirs), []);
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
  t.is(signaturesOf(receiver.calls[0]?.headers ?? {}).length, 1);
});

test("an endpoint is changed field by field, and never as it was before a change that its caller has not seen", async (t) => {
  const url = "https://partner.example/souk";
  const { endpoint } = await staff.createWebhookEndpoint({ url, description: "Books", events: [CONFIRMED] });
  t.like(endpoint, { url, description: "Books", events: [CONFIRMED], enabled: true, failing: false });
  const { id = "", etag = "" } = endpoint ?? {};
  const update = (paths: string[], fields: object, more: object = {}) =>
    staff.updateWebhookEndpoint({ id, ...fields, updateMask: { paths }, ...more });

  const request = { events: [SHIPPED], enabled: false, description: "Not asked for" };
  const changed = (await update(["events", "enabled"], request, { etag })).endpoint;
  t.like(changed, { url, description: "Books", events: [SHIPPED], enabled: false });
  t.not(changed?.etag, etag);
  t.is(await reasonOf(update(["description"], { description: "Late" }, { etag })), "ETAG_MISMATCH");
  t.is(await reasonOf(update(["events"], { events: ["souk.order.v1.Nothing"] })), "EVENT_NOT_FOUND");
  t.is(await reasonOf(update(["events"], {})), "INVALID_REQUEST");
  t.is(await reasonOf(update(["url"], {})), "WEBHOOK_URL_REFUSED");
  t.is(await reasonOf(update(["secret"], {})), "INVALID_REQUEST");
  t.deepEqual((await update([], {})).endpoint, changed, "what was refused changed nothing");
  const emptied = (await update(["description", "url"], { url: "https://other.example" })).endpoint;
  t.like(emptied, { url: "https://other.example/", description: "", events: [SHIPPED], enabled: false });
});

test("endpoints come in pages, newest first, until they are deleted; then nothing can be done with them", async (t) => {
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) ids.push((await create(`https://partner${n}.example/`)).id);
  const listed = async () => {
    const found: string[] = [];
    let pageToken = "";
    do {
      const page = await staff.listWebhookEndpoints({ pageSize: 2, pageToken });
      t.true(page.endpoints.length <= 2);
      found.push(...page.endpoints.map(({ id }) => id));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return found.filter((id) => ids.includes(id));
  };
  t.deepEqual(await listed(), ids.toReversed());
  t.is(await reasonOf(staff.listWebhookEndpoints({ pageToken: "bogus" })), "PAGE_TOKEN_INVALID");

  const [id = "", ...others] = ids;
  await staff.deleteWebhookEndpoint({ id: id.toUpperCase() });
  await staff.deleteWebhookEndpoint({ id });
  t.deepEqual(await listed(), others.toReversed());
  for (const call of [
    staff.updateWebhookEndpoint({ id, enabled: true, updateMask: { paths: ["enabled"] } }),
    staff.rotateWebhookSecret({ id }),
    staff.testWebhookEndpoint({ id }),
  ]) {
    t.is(await reasonOf(call), "WEBHOOK_ENDPOINT_NOT_FOUND");
  }
});

test("an address that cannot be, holds a password or leads to no event is refused, and what it held is not told", async (t) => {
  const refused = async (url: string, events = [CONFIRMED]) =>
    refusal(staff.createWebhookEndpoint({ url, events }));
  const password = "hunter2-and-more";
  noteSecret(password, "the password in an address");
  const named = await refused(`https://ada:${password}@partner.example/`);
  t.is(named.reason, "WEBHOOK_URL_REFUSED");
  t.is(named.code, Code.INVALID_ARGUMENT);
  t.regex(named.message, /^url must hold no user name or password/);
  t.is((await refused("https://[::zz]/")).reason, "WEBHOOK_URL_REFUSED");
  t.is((await refused("ftp://partner.example/")).reason, "INVALID_REQUEST");
  const event = await refused("https://partner.example/", ["souk.auth.v1.PasswordResetRequested"]);
  t.is(event.reason, "EVENT_NOT_FOUND");
  t.is(event.metadata["event"], "souk.auth.v1.PasswordResetRequested");
});

test("a shop has only so many endpoints, however many are added at a time", async (t) => {
  const webhooks = webhooksOf(t, await notificationDatabase(t));
  const adding = Array.from({ length: 53 }, (_, n) =>
    reasonOf(addEndpoint(webhooks, scope, `https://partner${n}.example/`)).catch(() => "added"),
  );
  const outcomes = await Promise.all(adding);
  t.is(outcomes.filter((it) => it === "added").length, 50);
  t.is(outcomes.filter((it) => it === "TOO_MANY_WEBHOOK_ENDPOINTS").length, 3);
});

test("what a test of an endpoint found is told, also where nobody listens or the answer is none", async (t) => {
  const receiver = await startReceiver(t);
  const { id } = await create(receiver.url);
  receiver.answerWith(status(500));
  t.like((await staff.testWebhookEndpoint({ id })).attempt, {
    statusCode: 500,
    error: "it answered with a status that is not one of success",
  });
  receiver.answerWith((request) => request.socket.destroy());
  t.like((await staff.testWebhookEndpoint({ id })).attempt, {
    statusCode: 0,
    error: "the connection failed (ECONNRESET)",
  });
  const url = `http://127.0.0.1:1/${uuidv7()}`;
  const { attempt } = await staff.testWebhookEndpoint({ id: (await create(url)).id });
  t.like(attempt, { statusCode: 0, error: "the connection failed (ECONNREFUSED)" });
  t.truthy(attempt?.createTime);
  t.truthy(attempt?.duration);
});

test("an endpoint that is gone is put out of use and called no more, except to test it", async (t) => {
  const receiver = await startReceiver(t);
  const { id, etag } = await create(receiver.url);
  receiver.answerWith(status(410));
  t.is((await staff.testWebhookEndpoint({ id })).attempt?.statusCode, 410);
  const { endpoints } = await staff.listWebhookEndpoints({ pageSize: 100 });
  const found = endpoints.find((it) => it.id === id);
  t.is(found?.enabled, false);
  t.not(found?.etag, etag);

  const db = connect(mesh.env["NOTIFICATION_DATABASE_URL"] as string);
  t.teardown(() => db.close());
  const outcome = await callEndpoint(webhooksOf(t, db), id, { id: uuidv7(), body: "{}" });
  t.like(outcome, { kind: "refused", forGood: true, statusCode: 0, reason: "the endpoint is out of use" });
  t.is(receiver.calls.length, 1);
  receiver.answerWith(status(200));
  t.like((await staff.testWebhookEndpoint({ id })).attempt, { statusCode: 200, error: "" });
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
  receiver.answerWith((_, response) => {
    response.writeHead(200);
    const more = () => {
      while (response.write("x".repeat(10_000)));
    };
    response.on("drain", more);
    more();
  });
  t.like(await call(), { kind: "taken", statusCode: 200 });
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
    const refused = await refusal(addEndpoint(strict, scope, url));
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
    const id = await addEndpoint(webhooksOf(t, db), scope, url);
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
