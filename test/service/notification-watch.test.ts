import test, { type ExecutionContext } from "ava";
import pg from "pg";
import { uuidv7 } from "uuidv7";
import { type Notification, NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { migrate, migrateDown } from "#kit/data/migrate.ts";
import { Code } from "#kit/error.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import { auth } from "../../services/auth/service.ts";
import { migrations } from "../../services/notification/migrations/index.ts";
import {
  countUnread,
  listNotifications,
  markAllRead,
  markRead,
} from "../../services/notification/notifications.ts";
import { notification } from "../../services/notification/service.ts";
import { tellUser } from "../../services/notification/tell-user.ts";
import { afterFile } from "../after-file.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh } from "../mesh.ts";
import { createMigratedDatabase } from "../migrated-database.ts";
import { refusal } from "../refusal.ts";
import { connect, scopeOfTest } from "./notification-post.ts";
import { type Customer, type NotificationShop, openShop, orderEvent } from "./notification-shop.ts";
import { until } from "./payment-desk.ts";

type Client = MeshClient<typeof NotificationService>;

let shop: NotificationShop;
/** Calls another replica of notification as somebody. */
let elsewhere: (customer: Customer) => Client;
const file = afterFile(test);

test.before(async () => {
  shop = await openShop(file);
  const replica = await startTestMesh(file, [auth, notification], { env: shop.mesh.env });
  elsewhere = ({ accessToken }) => replica.withToken(NotificationService, accessToken);
});

const STORE = `insert into notification (id, event_id, user_id, topic, title, body, subject_id)
  values ($1, $1, $2, 'welcome', '', '', '')`;

/** Registers somebody who was welcomed. */
async function welcomed(): Promise<{ ada: Customer; welcome: Notification }> {
  const ada = await shop.register("Ada");
  await until(async () => (await ada.told("welcome")).length === 1);
  const [welcome] = await ada.told("welcome");
  return { ada, welcome: welcome as Notification };
}

const confirm = (ada: Customer) => shop.events.publish(OrderConfirmedSchema, orderEvent(ada));

function watch(client: Client, afterId = "") {
  return client.watchMyNotifications({ afterId })[Symbol.asyncIterator]();
}

/** What a customer was told so far, oldest first. */
async function listOf({ client }: Customer): Promise<Notification[]> {
  return (await client.listMyNotifications({ pageSize: 100 })).notifications.reverse();
}

test("each replica tells who watches of a new one, long before the net would look, and how many are unread", async (t) => {
  const { ada, welcome } = await welcomed();
  const watches = [watch(ada.client, welcome.id), watch(elsewhere(ada), welcome.id)];
  const startedAt = Date.now();
  for (let unread = 2n; unread < 6n; unread++) {
    await confirm(ada);
    const told = await Promise.all(watches.map(async (it) => (await it.next()).value));
    const newest = (await listOf(ada)).at(-1);
    for (const value of told) t.deepEqual([value?.notification, value?.unread], [newest, unread]);
  }
  // The net looks after 10 s, and four looks were needed.
  t.true(Date.now() - startedAt < 30_000);
  await Promise.all(watches.map((it) => it.return?.()));
});

test("who hangs up again and again, and goes on elsewhere, is told each once and in the order of the list", async (t) => {
  const { ada, welcome } = await welcomed();
  const MANY = 40;
  const published = Promise.all(Array.from({ length: MANY }, () => confirm(ada)));
  const told: string[] = [];
  while (told.length < MANY) {
    const client = told.length % 2 === 0 ? ada.client : elsewhere(ada);
    const stream = watch(client, told.at(-1) ?? welcome.id);
    for (let left = 3; left > 0 && told.length < MANY; left--) {
      const { value } = await stream.next();
      told.push(value?.notification?.id ?? "");
    }
    await stream.return?.();
  }
  await published;
  t.deepEqual(
    [welcome.id, ...told],
    (await listOf(ada)).map(({ id }) => id),
  );
});

test("one that is stored while another is, is told after it, whichever was begun first", async (t) => {
  const { ada, welcome } = await welcomed();
  const slow = uuidv7();
  const client = await begin(t, shop.mesh.env["NOTIFICATION_DATABASE_URL"] as string, STORE, [slow, ada.id]);
  const stream = watch(ada.client, welcome.id);
  await confirm(ada);
  await eventually(async () => {
    const { rows } = await client.query(
      `select from pg_locks where locktype = 'advisory' and not granted
         and database = (select oid from pg_database where datname = current_database())`,
    );
    if (rows.length === 0) throw new Error("the other is not stored yet");
  });
  await client.query("commit");
  const told = [await stream.next(), await stream.next()].map(({ value }) => value?.notification?.id);
  t.deepEqual(
    [welcome.id, ...told],
    (await listOf(ada)).map(({ id }) => id),
  );
  t.is(told[0], slow);
  await stream.return?.();
});

test("of events that are handled together the first is told first", async (t) => {
  const { ada, welcome } = await welcomed();
  const mail = { subject: "Hello", text: "Good day", html: "<p>Good day</p>" };
  const message = { topic: "welcome", title: "Hello", body: "Good day", mail } as const;
  const subjects = ["1", "2", "3", "4", "5"];
  await shop.db.write(scopeOfTest(), async (tx) => {
    for (const subjectId of subjects)
      tellUser(tx, uuidv7(), { userId: ada.id, email: ada.email }, { ...message, subjectId }, "souk.example");
  });
  t.deepEqual(
    (await listOf(ada)).map(({ subjectId }) => subjectId),
    [welcome.subjectId, ...subjects],
  );
});

test("who comes back after a long break is told all since then, and what was read meanwhile as read", async (t) => {
  const { ada, welcome } = await welcomed();
  for (let count = 0; count < 5; count++) await confirm(ada);
  await until(async () => (await listOf(ada)).length === 6);
  const before = await listOf(ada);
  await shop.db.pool.run(
    `insert into notification (id, event_id, user_id, topic, title, body, subject_id)
     select gen_random_uuid(), gen_random_uuid(), $1, 'welcome', '', '', '' from generate_series(1, 250)`,
    [ada.id],
  );
  await ada.client.markNotificationsRead({ ids: [before[3]?.id ?? ""] });
  const stream = watch(ada.client, welcome.id.toUpperCase());
  const told: Notification[] = [];
  for (let count = 0; count < 255; count++) {
    const { value } = await stream.next();
    told.push(value?.notification as Notification);
    t.is(value?.unread, 255n);
  }
  t.is(new Set(told.map(({ id }) => id)).size, 255);
  t.deepEqual(
    told.slice(0, 5).map(({ id, readTime }) => [id, readTime !== undefined]),
    before.slice(1).map(({ id }, index) => [id, index === 2]),
  );
  await stream.return?.();
});

test("who has seen none is told new ones alone", async (t) => {
  const { ada, welcome } = await welcomed();
  const stream = watch(ada.client);
  const first = stream.next();
  let isTold = false;
  void first.finally(() => {
    isTold = true;
  });
  // When the watching has begun only its first answer tells.
  await until(async () => {
    if (!isTold) await confirm(ada);
    return isTold;
  });
  t.not((await first).value?.notification?.id, welcome.id);
  await stream.return?.();
});

test("one that is not there, or somebody else's, is no place to go on from", async (t) => {
  const [{ ada }, { welcome: theirs }] = await Promise.all([welcomed(), welcomed()]);
  const refused = await Promise.all(
    [theirs.id, uuidv7()].map((afterId) => refusal(watch(ada.client, afterId).next())),
  );
  for (const { code, reason, message } of refused) {
    t.is(reason, "NOTIFICATION_NOT_FOUND");
    t.is(code, Code.NOT_FOUND);
    t.regex(message, /^after_id: .*leave it out/);
  }
  t.is(refused[0]?.message, refused[1]?.message);
});

test("those from before there were turns are told in their order, and stay when the turns go again", async (t) => {
  const { url } = await createMigratedDatabase(t, migrations);
  await migrateDown(url, migrations, "0004_deliveries");
  const db = connect(url);
  t.teardown(() => db.close());
  const userId = uuidv7();
  const ids = Array.from({ length: 4 }, () => uuidv7());
  const listed = async () => (await listNotifications(db, userId, undefined, 10)).map(({ id }) => id);
  for (const id of ids.toReversed()) await db.pool.run(STORE, [id, userId]);
  await migrate(url, migrations);
  const next = uuidv7();
  await db.pool.run(STORE, [next, userId]);
  t.deepEqual(await listed(), [next, ...ids.toReversed()]);
  await migrateDown(url, migrations, "0004_deliveries");
  const { rows } = await db.pool.run("select id from notification order by id");
  t.deepEqual(
    rows.map(({ id }) => id),
    [...ids, next],
  );
});

test("the unread are counted, and all marked up to a time, but none that comes later", async (t) => {
  const { ada, welcome } = await welcomed();
  const { ada: bob } = await welcomed();
  for (let count = 2; count < 5; count++) {
    await confirm(ada);
    await until(async () => (await listOf(ada)).length === count);
  }
  const unread = async (client: Client) => (await client.getMyUnreadCount({})).unread;
  t.is(await unread(ada.client), 4n);
  await ada.client.markNotificationsRead({ ids: [welcome.id] });
  t.is(await unread(ada.client), 3n);

  const [, second, third, last] = await listOf(ada);
  const untilTime = third?.createTime as NonNullable<Notification["createTime"]>;
  t.deepEqual(await markAll(ada, untilTime), 2n);
  t.deepEqual(await markAll(ada, untilTime), 0n);
  t.deepEqual(
    (await listOf(ada)).map(({ id, readTime }) => [id, readTime !== undefined]),
    [welcome, second, third, last].map((it) => [it?.id, it !== last]),
  );

  const endOfTime = { seconds: 253_402_300_799n, nanos: 999_999_999 };
  t.is(await markAll(ada, endOfTime), 1n);
  t.is(await unread(ada.client), 0n);
  await confirm(ada);
  await until(async () => (await unread(elsewhere(ada))) === 1n);
  t.is(await unread(bob.client), 1n, "what is somebody else's stays as it is");
  t.is(await markAll(ada, { seconds: -62_135_596_800n, nanos: 0 }), 0n);
});

test("one that is stored after others were seen stays unread, though its transaction began before theirs", async (t) => {
  const { ada, welcome } = await welcomed();
  const late = uuidv7();
  const client = await begin(t, shop.mesh.env["NOTIFICATION_DATABASE_URL"] as string, "select now()");
  await confirm(ada);
  await until(async () => (await listOf(ada)).length === 2);
  const seen = (await listOf(ada)).at(-1);
  await client.query(STORE, [late, ada.id]);
  await client.query("commit");
  t.is(await markAll(ada, seen?.createTime as NonNullable<Notification["createTime"]>), 2n);
  t.deepEqual(
    (await listOf(ada)).map(({ id, readTime }) => [id, readTime !== undefined]),
    [
      [welcome.id, true],
      [seen?.id, true],
      [late, false],
    ],
  );
});

test("who marks some while all are marked waits for that, and neither is undone", async (t) => {
  const { url } = await createMigratedDatabase(t, migrations);
  // As in a large table, the one finds the rows by their ids and the other by their times.
  const options = new URLSearchParams({ options: "-c enable_seqscan=off -c enable_bitmapscan=off" });
  const db = connect(`${url}?${options}`);
  t.teardown(() => db.close());
  const userId = uuidv7();
  const ids = Array.from({ length: 3 }, () => uuidv7());
  for (const [index, id] of ids.entries()) {
    await db.pool.run(STORE, [id, userId]);
    await db.pool.run("update notification set create_time = to_timestamp($2) where id = $1", [id, -index]);
  }
  await db.pool.run(
    `insert into notification (id, event_id, user_id, topic, title, body, subject_id)
     select gen_random_uuid(), gen_random_uuid(), $1, 'welcome', '', '', '' from generate_series(1, 1000)`,
    [userId],
  );
  await db.pool.run("analyze notification");
  const client = await begin(t, url, "select from notification where id = $1 for update", [ids[1]]);
  const untilWaiting = (count: number) =>
    until(async () => {
      const { rows } = await db.pool.run(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return rows.length === count;
    });
  const some = markRead(db, userId, ids);
  await untilWaiting(1);
  const all = markAllRead(db, userId, new Date(0));
  await untilWaiting(2);
  await client.query("commit");
  await some;
  t.is(await all, 0n);
  t.is(await countUnread(db, userId), 1_000n);
});

/** Begins a transaction with a statement. */
async function begin(t: ExecutionContext, url: string, statement: string, values: unknown[] = []) {
  const client = new pg.Client(url);
  await client.connect();
  t.teardown(() => client.end());
  await client.query("begin");
  await client.query(statement, values);
  return client;
}

async function markAll({ client }: Customer, untilTime: { seconds: bigint; nanos: number }): Promise<bigint> {
  return (await client.markAllNotificationsRead({ untilTime })).marked;
}
