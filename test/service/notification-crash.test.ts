import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import test from "ava";
import { pino } from "pino";
import { uuidv7 } from "uuidv7";
import { sendDue } from "../../services/notification/delivery/send-due.ts";
import { webhookChannel } from "../../services/notification/webhook/webhook-channel.ts";
import type { Teardown } from "../stores.ts";
import { mailRows, notificationDatabase, outboundOf, queueMail, startServer } from "./notification-post.ts";
import { addEndpoint, callsOf, startReceiver, status, webhooksOf } from "./notification-receiver.ts";

test("after a crash between sending and noting it, the mail goes out again under the same Message-ID", async (t) => {
  const db = await notificationDatabase(t);
  const received: string[] = [];
  const child = Promise.withResolvers<ChildProcess>();
  const { url } = await startServer(t, {
    async onData(stream, _, done) {
      let mail = "";
      for await (const chunk of stream) mail += chunk;
      received.push(mail);
      // The server has the mail, but the sender dies before it hears so.
      if (received.length === 1) (await child.promise).kill("SIGKILL");
      else done();
    },
  });
  const eventId = await queueMail(db, "ada@example.com");
  const victim = startVictim(t, db.url, url);
  child.resolve(victim);
  await once(victim, "exit");

  const outbound = outboundOf(t, db, url);
  t.false(await sendDue(outbound), "until the lease ends the mail is the victim's");
  t.is(received.length, 1);
  await db.pool.run("update delivery set next_attempt_at = now()");
  await sendDue(outbound);
  t.deepEqual(
    received.map((mail) => /^Message-ID: (.*)\r$/m.exec(mail)?.[1]),
    [`<${eventId}@souk.example>`, `<${eventId}@souk.example>`],
  );
  t.like(await mailRows(db), [{ state: "DELIVERED", attempts: 2 }]);
});

test("after a crash between a call and noting it, the endpoint is called again with the same id", async (t) => {
  const db = await notificationDatabase(t);
  const receiver = await startReceiver(t);
  const endpointId = await addEndpoint(webhooksOf(t, db), receiver.url);
  const eventId = uuidv7();
  await db.pool.run(
    `insert into delivery (id, event_id, channel, endpoint_id, topic, recipient, content)
      values ($1, $1, 'WEBHOOK', $2, 'souk.order.v1.OrderConfirmed', '', '{"data":{}}')`,
    [eventId, endpointId],
  );
  const child = Promise.withResolvers<ChildProcess>();
  // The endpoint has the call, but the caller dies before it hears so.
  receiver.answerWith(async () => void (await child.promise).kill("SIGKILL"));
  const victim = startVictim(t, db.url);
  child.resolve(victim);
  await once(victim, "exit");

  receiver.answerWith(status(204));
  const calls = callsOf(t, db);
  t.false(await sendDue(calls), "until the lease ends the call is the victim's");
  t.is(receiver.calls.length, 1);
  await db.pool.run("update delivery set next_attempt_at = now()");
  await sendDue(calls);
  t.deepEqual(
    receiver.calls.map(({ headers, body }) => [headers["webhook-id"], body]),
    Array.from({ length: 2 }, () => [eventId, '{"data":{}}']),
  );
  const { rows } = await db.pool.run("select state, attempts from delivery");
  t.deepEqual(rows, [{ state: "DELIVERED", attempts: 2 }]);
});

test("of what waits for many endpoints each has its share, again at once, and one that is spared takes nobody's place", async (t) => {
  const db = await notificationDatabase(t);
  const [away, well] = [await startReceiver(t), await startReceiver(t)];
  away.answerWith(status(500));
  const webhooks = webhooksOf(t, db);
  for (const { url } of [away, well]) {
    await db.pool.run(
      `insert into delivery (id, event_id, channel, endpoint_id, topic, recipient, content)
        select gen_random_uuid(), gen_random_uuid(), 'WEBHOOK', $1, 'souk.order.v1.OrderConfirmed', '', '{}'
        from generate_series(1, 40)`,
      [await addEndpoint(webhooks, url)],
    );
  }
  const calls = { db, channel: webhookChannel(webhooks, 600_000), log: pino({ level: "silent" }) };
  while (await sendDue(calls));
  t.true(away.calls.length < 12, `${away.calls.length} calls of one that is away`);
  const { rows } = await db.pool.run(
    "select state, count(*)::int from delivery group by state order by state",
  );
  t.deepEqual(rows, [
    { state: "DELIVERED", count: 40 },
    { state: "PENDING", count: 40 },
  ]);
});

test("a mail that ends the process each time is given up in the end", async (t) => {
  const db = await notificationDatabase(t);
  const { url } = await startServer(t, {});
  await queueMail(db, "ada@example.com");
  await db.pool.run("update delivery set attempts = 12");
  await sendDue(outboundOf(t, db, url));
  t.like(await mailRows(db), [{ state: "FAILED", last_error: "no attempt came to an end" }]);
});

function startVictim(t: Teardown, ...places: string[]): ChildProcess {
  const victim = fileURLToPath(new URL("notification-victim.ts", import.meta.url));
  const child = spawn(process.execPath, [victim, ...places], { stdio: ["ignore", "inherit", "inherit"] });
  t.teardown(async () => void child.kill("SIGKILL"));
  return child;
}
