import test from "ava";
import { uuidv7 } from "uuidv7";
import { DeliveryState } from "#gen/souk/notification/v1/delivery_pb.ts";
import { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { Channel } from "#gen/souk/notification/v1/preference_pb.ts";
import { OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { storeDelivery } from "../../services/notification/delivery/store-delivery.ts";
import { tellUser } from "../../services/notification/tell-user.ts";
import { afterFile } from "../after-file.ts";
import { refusal } from "../refusal.ts";
import { scopeOfTest, startServer } from "./notification-post.ts";
import { type NotificationShop, openShop, orderEvent } from "./notification-shop.ts";
import { until } from "./payment-desk.ts";

const file = afterFile(test);
let shop: NotificationShop;
/** What the mail server answers to the addresses that begin with "no". */
let answer: { responseCode: number; message: string } | undefined;

test.before(async () => {
  const { url } = await startServer(file, {
    onRcptTo({ address }, _, done) {
      done(answer && address.startsWith("no") ? Object.assign(new Error(answer.message), answer) : null);
    },
  });
  shop = await openShop(file, { NOTIFICATION_SMTP_URL: url });
});

const staff = () => shop.mesh.as(NotificationService);

test.serial(
  "what customers are told is listed to staff, newest first, by channel, state and customer",
  async (t) => {
    const ada = await shop.register("Ada");
    const eventId = await shop.events.publish(OrderConfirmedSchema, orderEvent(ada));
    await until(async () => {
      const { deliveries } = await staff().listDeliveries({ accountId: ada.id });
      return deliveries.length === 5 && deliveries.every(({ state }) => state === DeliveryState.DELIVERED);
    });
    const { deliveries } = await staff().listDeliveries({ accountId: ada.id });
    t.deepEqual(
      deliveries.map(({ topic, channel, recipient }) => `${topic} ${channel} ${recipient}`).sort(),
      [
        `order-confirmed ${Channel.SHOP} `,
        `order-confirmed ${Channel.EMAIL} ${ada.email}`,
        `verify-email ${Channel.EMAIL} ${ada.email}`,
        `welcome ${Channel.SHOP} `,
        `welcome ${Channel.EMAIL} ${ada.email}`,
      ],
    );
    const ids = deliveries.map(({ id }) => id);
    t.deepEqual(ids, [...ids].sort().reverse());

    const listed = async (request: { channel?: Channel; state?: DeliveryState; accountId?: string }) =>
      (await staff().listDeliveries({ pageSize: 100, ...request })).deliveries;
    const mails = await listed({ channel: Channel.EMAIL, accountId: ada.id });
    t.is(mails.length, 3);
    t.deepEqual(
      mails,
      (await listed({ channel: Channel.EMAIL })).filter(({ accountId }) => accountId === ada.id),
    );
    const told = await listed({ channel: Channel.SHOP, state: DeliveryState.DELIVERED });
    t.is(told.filter(({ accountId }) => accountId === ada.id).length, 2);
    t.deepEqual(await listed({ channel: Channel.SHOP, state: DeliveryState.FAILED }), []);

    const mail = mails.find((it) => it.eventId === eventId);
    t.like(mail, { attempts: 1, lastError: "", webhookEndpointId: "", nextAttemptTime: undefined });
    const { delivery, attempts } = await staff().getDelivery({ id: mail?.id ?? "" });
    t.deepEqual(delivery, mail);
    t.like(attempts, [{ statusCode: 250, error: "" }]);
    t.is(attempts.length, 1);
    const [shown] = told;
    t.deepEqual(await staff().getDelivery({ id: shown?.id ?? "" }), {
      ...(await staff().getDelivery({ id: shown?.id ?? "" })),
      delivery: shown,
      attempts: [],
    });
  },
);

test.serial("every page goes on where the one before ended, whatever comes meanwhile", async (t) => {
  const ada = await shop.register("Ada");
  await until(async () => (await staff().listDeliveries({ accountId: ada.id })).deliveries.length === 3);
  const tell = () =>
    store((tx) => tellUser(tx, uuidv7(), { userId: ada.id, email: ada.email }, HELLO, "souk.example"));
  for (let n = 0; n < 12; n++) await tell();
  for (const filter of [{}, { channel: Channel.EMAIL }, { accountId: ada.id }]) {
    const all = (await staff().listDeliveries({ ...filter, pageSize: 100 })).deliveries.map(({ id }) => id);
    const seen: string[] = [];
    for (let pageToken = ""; ; ) {
      const page = await staff().listDeliveries({ ...filter, pageSize: 7, pageToken });
      seen.push(...page.deliveries.map(({ id }) => id));
      pageToken = page.nextPageToken;
      if (pageToken === "" || seen.length >= all.length) break;
      await tell();
    }
    t.deepEqual(seen.slice(0, all.length), all);
  }
});

test.serial(
  "a mail that was given up is sent anew when staff asks for it, once, and one that arrived is left",
  async (t) => {
    answer = { responseCode: 550, message: "no such user" };
    const email = `no-${uuidv7()}@example.com`;
    const eventId = uuidv7();
    await store((tx) => tellUser(tx, eventId, { userId: "", email }, HELLO, "souk.example"));
    const find = async (state: DeliveryState) =>
      (await staff().listDeliveries({ state, channel: Channel.EMAIL })).deliveries.find(
        (it) => it.eventId === eventId,
      );
    await until(async () => (await find(DeliveryState.FAILED)) !== undefined);
    const failed = await find(DeliveryState.FAILED);
    const id = failed?.id ?? "";
    t.like(failed, { attempts: 1, accountId: "", recipient: email, nextAttemptTime: undefined });
    t.regex(failed?.lastError ?? "", /550/);

    const { delivery: again } = await staff().retryDelivery({ id });
    t.is(again?.state, DeliveryState.PENDING);
    t.truthy(again?.nextAttemptTime);
    await until(async () => (await find(DeliveryState.FAILED))?.attempts === 2);
    answer = undefined;
    await Promise.all([staff().retryDelivery({ id }), staff().retryDelivery({ id })]);
    await until(async () => (await find(DeliveryState.DELIVERED)) !== undefined);
    const { delivery: left } = await staff().retryDelivery({ id });
    t.like(left, { state: DeliveryState.DELIVERED, attempts: 3, lastError: "" });
    const { attempts } = await staff().getDelivery({ id });
    t.deepEqual(
      attempts.map(({ statusCode }) => statusCode),
      [250, 550, 550],
    );
  },
);

test.serial("of the attempts the newest fifty are kept", async (t) => {
  answer = { responseCode: 550, message: "no such user" };
  const eventId = uuidv7();
  const email = `no-${uuidv7()}@example.com`;
  await store((tx) => tellUser(tx, eventId, { userId: "", email }, HELLO, "souk.example"));
  await until(async () => (await staff().listDeliveries({})).deliveries[0]?.state === DeliveryState.FAILED);
  const id = (await staff().listDeliveries({})).deliveries[0]?.id ?? "";
  const earlier = Array.from({ length: 50 }, (_, n) => ({
    time: new Date(n),
    statusCode: n,
    error: "",
    ms: 1,
  }));
  await shop.db.pool.run("update delivery set attempts = 50, attempt_log = $2::jsonb where id = $1", [
    id,
    JSON.stringify(earlier),
  ]);
  await staff().retryDelivery({ id });
  await until(async () => (await staff().getDelivery({ id })).delivery?.attempts === 51);
  await until(async () => (await staff().getDelivery({ id })).delivery?.state === DeliveryState.FAILED);
  const { attempts } = await staff().getDelivery({ id });
  const statusCodes = attempts.map(({ statusCode }) => statusCode);
  t.deepEqual(statusCodes, [550, ...Array.from({ length: 49 }, (_, n) => n)]);
});

test.serial("what cannot be sent again is refused with its reason, and changes nothing", async (t) => {
  const [unwanted, forgotten, dropped] = [uuidv7(), uuidv7(), uuidv7()];
  const userId = uuidv7();
  await shop.db.pool.run("insert into preferences (user_id, switched_off) values ($1, $2)", [
    userId,
    ["welcome/EMAIL"],
  ]);
  const mail = { channel: "EMAIL", topic: "welcome", userId, recipient: "ada@example.com" } as const;
  await store((tx) => {
    storeDelivery(tx, { ...mail, eventId: unwanted, content: HELLO.mail });
  });
  const failed = `insert into delivery (id, event_id, channel, user_id, topic, recipient, content, state)
    values ($1, $1, 'EMAIL', $2, 'welcome', 'ada@example.com', $3::jsonb, 'FAILED')`;
  await shop.db.pool.run(failed, [forgotten, userId, "{}"]);
  await shop.db.pool.run(failed, [dropped, uuidv7(), null]);
  await shop.db.pool.run("insert into forgotten_user (user_id, event_id, erased) values ($1, $1, true)", [
    userId,
  ]);
  const { deliveries } = await staff().listDeliveries({ state: DeliveryState.SUPPRESSED });
  const suppressed = deliveries.find(({ eventId }) => eventId === unwanted);
  t.like(suppressed, { channel: Channel.EMAIL, attempts: 0, nextAttemptTime: undefined });
  for (const [id, why] of [
    [suppressed?.id ?? "", /does not want it/],
    [forgotten, /user was deleted/],
    [dropped, /not known any more/],
  ] as const) {
    const { delivery: before } = await staff().getDelivery({ id });
    const { reason, message } = await refusal(staff().retryDelivery({ id }));
    t.is(reason, "DELIVERY_NOT_RETRYABLE");
    t.regex(message, why);
    t.deepEqual((await staff().getDelivery({ id })).delivery, before);
  }
  t.is((await refusal(staff().retryDelivery({ id: uuidv7() }))).reason, "DELIVERY_NOT_FOUND");
  t.is((await refusal(staff().getDelivery({ id: uuidv7() }))).reason, "DELIVERY_NOT_FOUND");
});

test.serial("deliveries are for staff", async (t) => {
  const ada = await shop.register("Ada");
  t.is((await refusal(ada.client.listDeliveries({}))).reason, "PERMISSION_MISSING");
  t.is((await refusal(ada.client.retryDelivery({ id: uuidv7() }))).reason, "PERMISSION_MISSING");
});

const HELLO = {
  topic: "welcome",
  title: "Hello",
  body: "Good day",
  subjectId: "",
  mail: { subject: "Hello", text: "Good day", html: "<p>Good day</p>" },
} as const;

function store(work: (tx: Parameters<typeof storeDelivery>[0]) => void): Promise<void> {
  return shop.db.write(scopeOfTest(), async (tx) => work(tx));
}
