import { create } from "@bufbuild/protobuf";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { UserDeletedSchema } from "#gen/souk/user/v1/events_pb.ts";
import { migrate, migrateDown } from "#kit/data/migrate.ts";
import { uuidBefore } from "#kit/data/uuid-before.ts";
import { forgetDeliveries } from "../../services/notification/delivery/forget-deliveries.ts";
import { getDelivery } from "../../services/notification/delivery/read-deliveries.ts";
import { sendDue } from "../../services/notification/delivery/send-due.ts";
import { forgetUser } from "../../services/notification/forget-users.ts";
import { migrations } from "../../services/notification/migrations/index.ts";
import { giveUpCalls } from "../../services/notification/webhook/give-up-calls.ts";
import { createDatabase } from "../stores.ts";
import { connectPool } from "./auth-tables.ts";
import {
  connect,
  mailRows,
  notificationDatabase,
  openMailbox,
  outboundOf,
  queueMail,
  scopeOfTest,
} from "./notification-post.ts";
import { until } from "./payment-desk.ts";

const DAY_MS = 86_400_000;

test("mails that were stored before there were deliveries are sent, listed and found again on the way back", async (t) => {
  const { url } = await createDatabase(t);
  await migrate(url, migrations.slice(0, 3));
  const run = connectPool(t, url);
  const [queued, sent, failed, user] = [uuidv7(), uuidv7(), uuidv7(), uuidv7()];
  const mail = `insert into mail (id, event_id, user_id, recipient, subject, text, html, message_id, state, attempts,
      last_error, sent_time)
    values ($1::uuid, $1, $2, $3, 'Hello', $4, $4, '<' || $1::uuid || '@souk.example>', $5, 1, $6, $7)`;
  await run(mail, [queued, user, "ada@example.com", "Good day", "queued", null, null]);
  await run(mail, [sent, null, "bob@example.com", "", "sent", null, new Date(0)]);
  await run(mail, [failed, user, "eve@example.com", "Good day", "failed", "550 no such user", null]);
  await run(
    `insert into notification (id, event_id, user_id, topic, title, body, subject_id)
      values ($1, $2, $3, 'welcome', '', '', '')`,
    [uuidv7(), queued, user],
  );
  const before = await run("select * from mail order by recipient");

  await migrate(url, migrations);
  const db = connect(url);
  t.teardown(() => db.close());
  t.deepEqual(await mailRows(db), [
    { recipient: "ada@example.com", state: "PENDING", attempts: 1, last_error: null },
    { recipient: "bob@example.com", state: "DELIVERED", attempts: 1, last_error: null },
    { recipient: "eve@example.com", state: "FAILED", attempts: 1, last_error: "550 no such user" },
  ]);
  const { delivery } = await getDelivery(db, queued);
  t.like(delivery, { topic: "welcome", user_id: user, event_id: queued });
  await migrateDown(url, migrations, "0003_forgotten_users");
  t.deepEqual(
    await run("select * from mail order by recipient"),
    before.map((row) => (row["id"] === sent ? { ...row, subject: "", message_id: sent } : row)),
    "of a mail that was sent, nothing is kept of what it said",
  );

  await migrate(url, migrations);
  const mailbox = await openMailbox(t);
  await sendDue(outboundOf(t, db, mailbox.smtpUrl));
  const [arrived] = await mailbox.mailsTo("ada@example.com");
  t.like(arrived, { subject: "Hello" });
  t.is(arrived?.text.trim(), "Good day");
});

test("deliveries that are done are removed when they were kept for long enough, and no others", async (t) => {
  const db = await notificationDatabase(t);
  const days = 90;
  const age = (daysAgo: number, n = 0) =>
    `${uuidBefore(Date.now() - daysAgo * DAY_MS).slice(0, -4)}${String(n).padStart(4, "0")}`;
  const store = (id: string, state: string, channel = "EMAIL") =>
    db.pool.run(
      `insert into delivery (id, event_id, channel, endpoint_id, topic, recipient, content, state, delivery_time)
        values ($1, $1, $2, $3, 'welcome', 'ada@example.com', '{}', $4, $5)`,
      [id, channel, channel === "WEBHOOK" ? id : null, state, state === "DELIVERED" ? new Date() : null],
    );
  await db.pool.run(
    `insert into delivery (id, event_id, channel, topic, recipient, state, delivery_time)
      select overlay(id placing lpad(n::text, 4, '0') from 33)::uuid, gen_random_uuid(), 'EMAIL', 'welcome', 'ada@example.com',
        'DELIVERED', now()
      from (values ($1)) as old (id), generate_series(1000, 3499) as n`,
    [age(200)],
  );
  await store(age(91, 1), "FAILED");
  await store(age(91, 2), "SUPPRESSED");
  await store(age(91, 3), "DELIVERED", "WEBHOOK");
  await store(age(91, 4), "FAILED", "WEBHOOK");
  await store(age(91, 5), "SUPPRESSED", "SHOP");
  const kept = [
    [age(91, 6), "PENDING"],
    [age(89, 7), "DELIVERED"],
    [age(89, 8), "FAILED"],
  ] as const;
  for (const [id, state] of kept) await store(id, state);
  await forgetDeliveries(db, scopeOfTest(), days);
  const { rows } = await db.pool.run("select id, state from delivery order by id");
  t.deepEqual(
    rows.map(({ id, state }) => [id, state]),
    kept.map((it) => [...it]),
  );
});

test("a delivery that staff puts back while old ones are removed stays", async (t) => {
  const db = await notificationDatabase(t);
  const id = uuidBefore(Date.now() - 91 * DAY_MS);
  await db.pool.run(
    `insert into delivery (id, event_id, channel, topic, recipient, content, state)
      values ($1, $1, 'EMAIL', 'welcome', 'ada@example.com', '{}', 'FAILED')`,
    [id],
  );
  let removing: Promise<void> | undefined;
  await db.write(scopeOfTest(), async (tx) => {
    await tx.sql.updateTable("delivery").set({ state: "PENDING" }).where("id", "=", id).execute();
    removing = forgetDeliveries(db, scopeOfTest(), 90);
    await until(async () => {
      const { rowCount } = await db.pool.run(
        "select from pg_locks join pg_stat_activity using (pid) where not granted and datname = current_database()",
      );
      return rowCount > 0;
    });
  });
  await removing;
  t.is((await mailRows(db))[0]?.state, "PENDING");
});

test("calls of an endpoint that is failing for days are given up, but for those under way and those put back", async (t) => {
  const db = await notificationDatabase(t);
  const endpointId = uuidv7();
  const store = async (daysAgo: number, put: { before?: number; dueIn?: string; error?: string } = {}) => {
    const id = `${uuidBefore(Date.now() - daysAgo * DAY_MS).slice(0, 24)}${uuidv7().slice(24)}`;
    await db.pool.run(
      `insert into delivery (id, event_id, channel, endpoint_id, topic, recipient, content, attempts, attempts_before,
          next_attempt_at, last_error)
        values ($1, $1, 'WEBHOOK', $2, 'souk.order.v1.OrderConfirmed', '', '{}', 13, $3, now() + $4::interval, $5)`,
      [id, endpointId, put.before ?? 0, put.dueIn ?? "0", put.error ?? null],
    );
    return id;
  };
  const given = [await store(4), await store(30, { error: "it did not answer" })];
  await store(2);
  await store(4, { dueIn: "1 minute" });
  await store(4, { before: 13 });
  await giveUpCalls(db, scopeOfTest());
  const { rows } = await db.pool.run(
    "select id, last_error from delivery where state = 'FAILED' order by id desc",
  );
  t.deepEqual(rows, [
    { id: given[0], last_error: "the endpoint went on failing" },
    { id: given[1], last_error: "it did not answer" },
  ]);
  t.is((await db.pool.run("select from delivery where state = 'PENDING'")).rowCount, 3);
});

test("of a user who is deleted no delivery is left but the one that confirms it", async (t) => {
  const db = await notificationDatabase(t);
  const [userId, other, eventId] = [uuidv7(), uuidv7(), uuidv7()];
  for (const [user, channel, state] of [
    [userId, "EMAIL", "DELIVERED"],
    [userId, "EMAIL", "PENDING"],
    [userId, "SHOP", "SUPPRESSED"],
    [other, "EMAIL", "FAILED"],
  ]) {
    await db.pool.run(
      `insert into delivery (id, event_id, channel, user_id, topic, recipient, content, state, delivery_time)
        values ($1, $1, $2, $3, 'welcome', 'ada@example.com', '{}', $4, $5)`,
      [uuidv7(), channel, user, state, state === "DELIVERED" ? new Date() : null],
    );
  }
  await queueMail(db, "bob@example.com");
  await db.write(scopeOfTest(), (tx) => forgetUser(create(UserDeletedSchema, { userId }), tx, eventId));
  const { rows } = await db.pool.run("select user_id from delivery where user_id = any($1)", [
    [userId, other],
  ]);
  t.deepEqual(rows, [{ user_id: other }]);
});
