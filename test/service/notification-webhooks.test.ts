import { readFileSync } from "node:fs";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { Code } from "#kit/error.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import { notification } from "../../services/notification/service.ts";
import { callEndpoint } from "../../services/notification/webhook/call-endpoint.ts";
import { goodSecrets } from "../../services/notification/webhook/secrets.ts";
import { afterFile } from "../after-file.ts";
import { noteSecret } from "../evidence/collect.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import { reasonOf, refusal } from "../refusal.ts";
import { connect, notificationDatabase } from "./notification-post.ts";
import {
  addEndpoint,
  type ReceivedCall,
  signaturesOf,
  startReceiver,
  status,
  webhooksOf,
} from "./notification-receiver.ts";

const CONFIRMED = "souk.order.v1.OrderConfirmed";
const SHIPPED = "souk.order.v1.OrderShipped";

let mesh: TestMesh;
let staff: MeshClient<typeof NotificationService>;
let isGenuine: (secret: string, headers: object, body: string, now?: number) => boolean;
const file = afterFile(test);

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
  t.false(isGenuine(secret, { ...headers, "webhook-signature": undefined }, body));
  t.false(isGenuine(secret, {}, body));
  const later = String(Number(headers["webhook-timestamp"]) + 1);
  t.false(isGenuine(secret, { ...headers, "webhook-timestamp": later }, body));
  t.false(isGenuine((await create(receiver.url)).secret, headers, body));
  t.false(isGenuine(secret, headers, body, Date.now() + 6 * 60_000), "an old call is played again");
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
  t.is(signaturesOf(receiver.calls.at(-1)).length, 10, "calls do not grow without end");
});

test("whoever reads the database learns no secret, and cannot give one to another endpoint", async (t) => {
  const db = await notificationDatabase(t);
  const webhooks = webhooksOf(t, db);
  const [mine, theirs] = [
    await addEndpoint(webhooks, "https://mine.example"),
    await addEndpoint(webhooks, "https://theirs.example"),
  ];
  const [secret] = await goodSecrets(db, webhooks.seal, mine);
  const { rows } = await db.pool.run("select secret from webhook_secret where endpoint_id = $1", [mine]);
  t.is(secret?.length, 32);
  t.false(rows[0].secret.includes(secret));
  await db.pool.run("update webhook_secret set secret = $1 where endpoint_id = $2", [rows[0].secret, theirs]);
  t.deepEqual(await goodSecrets(db, webhooks.seal, theirs), []);
  // Four bytes of a tag can be found by trying, and nothing is a secret that anybody knows.
  const guessed = webhooks.seal.seal(Buffer.alloc(0), theirs).subarray(0, 16);
  await db.pool.run("update webhook_secret set secret = $1 where endpoint_id = $2", [guessed, theirs]);
  t.deepEqual(await goodSecrets(db, webhooks.seal, theirs), []);
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
  for (let n = 0; n < 45; n++) await addEndpoint(webhooks, `https://partner${n}.example/`);
  const adding = Array.from({ length: 8 }, (_, n) =>
    reasonOf(addEndpoint(webhooks, `https://late${n}.example/`)).catch(() => "added"),
  );
  const outcomes = await Promise.all(adding);
  t.is(outcomes.filter((it) => it === "added").length, 5);
  t.is(outcomes.filter((it) => it === "TOO_MANY_WEBHOOK_ENDPOINTS").length, 3);
});

test("an endpoint is failing while what it was told last did not arrive; once it is deleted, it is told nothing more", async (t) => {
  const { id } = await create("https://partner.example/");
  const db = connect(mesh.env["NOTIFICATION_DATABASE_URL"] as string);
  t.teardown(() => db.close());
  const deliver = async (state: "PENDING" | "DELIVERED" | "FAILED", lastError: string | null) => {
    const delivery = {
      id: uuidv7(),
      event_id: uuidv7(),
      channel: "WEBHOOK",
      endpoint_id: id,
      topic: CONFIRMED,
    } as const;
    const content = state === "DELIVERED" ? null : JSON.stringify({});
    const delivery_time = state === "DELIVERED" ? new Date() : null;
    const stored = { ...delivery, recipient: "", content, state, last_error: lastError, delivery_time };
    await db.sql.insertInto("delivery").values(stored).execute();
  };
  const isFailing = async () => {
    const { endpoints } = await staff.listWebhookEndpoints({ pageSize: 100 });
    return endpoints.find((it) => it.id === id)?.failing;
  };
  await deliver("PENDING", null);
  t.false(await isFailing());
  await deliver("PENDING", "it did not answer");
  t.true(await isFailing());
  await deliver("DELIVERED", null);
  t.false(await isFailing(), "one that it does not take, while it takes others, says nothing of it");
  await deliver("FAILED", "it did not answer");
  t.true(await isFailing());

  await staff.deleteWebhookEndpoint({ id });
  const rows = await db.sql
    .selectFrom("delivery")
    .select(["state", "last_error", "content"])
    .where("endpoint_id", "=", id)
    .orderBy("id")
    .execute();
  const ended = { state: "FAILED", last_error: "the endpoint was deleted", content: null };
  t.deepEqual(rows.slice(0, 2), [ended, ended]);
  t.like(rows[2], { state: "DELIVERED" });
  t.like(rows[3], { state: "FAILED", last_error: "it did not answer" });
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
