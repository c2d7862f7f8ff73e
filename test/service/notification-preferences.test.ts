import test from "ava";
import { BadRequestSchema } from "#gen/google/rpc/error_details_pb.ts";
import { DeliveryState } from "#gen/souk/notification/v1/delivery_pb.ts";
import { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import {
  Channel,
  ChannelSchema,
  type GetMyPreferencesResponse,
} from "#gen/souk/notification/v1/preference_pb.ts";
import {
  OrderCancelledSchema,
  OrderConfirmedSchema,
  OrderDeliveredSchema,
  OrderNoteAddedSchema,
} from "#gen/souk/order/v1/events_pb.ts";
import { OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { Code, detailOf, type SoukError } from "#kit/error.ts";
import { TOPICS } from "../../services/notification/topics.ts";
import { afterFile } from "../after-file.ts";
import { reasonOf, refusal } from "../refusal.ts";
import { type NotificationShop, openShop, orderEvent } from "./notification-shop.ts";
import { until } from "./payment-desk.ts";

const { SHOP, EMAIL, WEBHOOK } = Channel;
const off = (topic: string, channel: Channel) => ({ topic, channel, enabled: false });
const on = (topic: string, channel: Channel) => ({ topic, channel, enabled: true });

let shop: NotificationShop;
const file = afterFile(test);

test.before(async () => {
  shop = await openShop(file);
});

/** What is not told, as "<topic> <channel>". */
function switchedOff({ preferences }: Pick<GetMyPreferencesResponse, "preferences">): string[] {
  return preferences
    .filter((it) => !it.enabled)
    .map(({ topic, channel }) => `${topic} ${ChannelSchema.value[channel]?.localName}`);
}

test("who never chose is told everything, and which of it the shop must tell", async (t) => {
  const { client } = await shop.register("Ada");
  const { preferences, etag } = await client.getMyPreferences({});
  t.deepEqual(
    preferences.map(({ topic, channel }) => `${topic} ${channel}`),
    Object.entries(TOPICS).flatMap(([topic, { channels }]) => channels.map((it) => `${topic} ${it}`)),
  );
  t.true(preferences.every(({ enabled }) => enabled));
  const required = preferences.filter((it) => it.required && it.channel === EMAIL).map(({ topic }) => topic);
  for (const topic of ["order-confirmed", "order-refunded", "gift-card", "account-closed", "verify-email"])
    t.true(required.includes(topic), topic);
  for (const topic of ["welcome", "order-shipped", "order-delivered", "order-note"])
    t.false(required.includes(topic), topic);
  t.not(etag, "");
});

test("what is switched off stays off, and the rest as it was, until it is switched on again", async (t) => {
  const [{ client }, { client: bob }] = [await shop.register("Ada"), await shop.register("Bob")];
  const { etag } = await client.getMyPreferences({});
  const first = await client.updateMyPreferences({
    preferences: [off("order-shipped", EMAIL), off("order-confirmed", SHOP), on("welcome", EMAIL)],
    etag,
  });
  t.deepEqual(switchedOff(first), ["order-confirmed SHOP", "order-shipped EMAIL"]);
  t.not(first.etag, etag);
  const kept = await client.getMyPreferences({});
  t.deepEqual([kept.preferences, kept.etag], [first.preferences, first.etag]);

  // What the shop says is required is not for callers to say.
  const lie = { ...on("order-shipped", EMAIL), required: true };
  const second = await client.updateMyPreferences({ preferences: [lie, off("welcome", SHOP)] });
  t.deepEqual(switchedOff(second), ["welcome SHOP", "order-confirmed SHOP"]);
  t.false(second.preferences.find((it) => it.topic === "order-shipped" && it.channel === EMAIL)?.required);
  t.is((await client.updateMyPreferences({ preferences: [off("welcome", SHOP)] })).etag, second.etag);
  t.deepEqual(switchedOff(await bob.getMyPreferences({})), []);
});

test("of many who change the same preferences at once one succeeds, and the others read them anew", async (t) => {
  const { client } = await shop.register("Ada");
  const topics = ["welcome", "order-shipped", "order-delivered", "order-note", "return-received"];
  const changed: string[] = [];
  // The first who change them are also the first of whom anything is kept.
  while (changed.length < topics.length) {
    const { etag } = await client.getMyPreferences({});
    const outcomes = await Promise.all(
      topics.map(async (topic) => {
        if (changed.includes(topic)) return "";
        const change = client.updateMyPreferences({ preferences: [off(topic, EMAIL)], etag });
        return change.then(
          () => topic,
          (error: SoukError) => error.reason,
        );
      }),
    );
    const succeeded = outcomes.filter((it) => topics.includes(it));
    t.is(succeeded.length, 1);
    t.is(outcomes.filter((it) => it === "ETAG_MISMATCH").length, topics.length - changed.length - 1);
    changed.push(...succeeded);
  }
  t.deepEqual(
    switchedOff(await client.getMyPreferences({})).sort(),
    topics.map((topic) => `${topic} EMAIL`).sort(),
  );
});

for (const [what, wrong, field, remedy, reason] of [
  [
    "an unknown topic",
    off("order-shiped", EMAIL),
    "preferences[1].topic",
    /name all of them/,
    "TOPIC_NOT_FOUND",
  ],
  [
    "a channel that is none of the topic's",
    off("verify-email", SHOP),
    "preferences[1].channel",
    /it is by CHANNEL_EMAIL$/,
    "TOPIC_NOT_FOUND",
  ],
  [
    "a channel that is no user's",
    on("order-shipped", WEBHOOK),
    "preferences[1].channel",
    /it is by CHANNEL_SHOP and CHANNEL_EMAIL$/,
    "TOPIC_NOT_FOUND",
  ],
  [
    "a topic that must be told",
    off("order-confirmed", EMAIL),
    "preferences[1].enabled",
    /leave it on/,
    "PREFERENCE_REQUIRED",
  ],
  [
    "a notice of what a thief would do",
    off("password-changed", SHOP),
    "preferences[1].enabled",
    /leave it on/,
    "PREFERENCE_REQUIRED",
  ],
  ["the same twice", on("welcome", EMAIL), "preferences[1]", /repeats preferences\[0\]/, "INVALID_REQUEST"],
] as const) {
  test(`${what} is refused by its field, and changes nothing`, async (t) => {
    const { client } = await shop.register("Ada");
    const before = await client.getMyPreferences({});
    const error = await refusal(client.updateMyPreferences({ preferences: [off("welcome", EMAIL), wrong] }));
    t.is(error.code, Code.INVALID_ARGUMENT);
    t.is(error.reason, reason);
    const violations = detailOf(error, BadRequestSchema)?.fieldViolations ?? [];
    t.deepEqual(
      violations.map((it) => it.field),
      [field],
    );
    t.regex(violations[0]?.description ?? "", remedy);
    t.deepEqual(await client.getMyPreferences({}), before);
  });
}

test("all that is wrong is told at once", async (t) => {
  const { client } = await shop.register("Ada");
  const preferences = [off("account-closed", EMAIL), off("nothing", SHOP), off("gift-card", SHOP)];
  const error = await refusal(client.updateMyPreferences({ preferences }));
  t.deepEqual(
    detailOf(error, BadRequestSchema)?.fieldViolations.map((it) => it.field),
    ["preferences[0].enabled", "preferences[1].topic", "preferences[2].channel"],
  );
  t.like(error, {
    reason: "PREFERENCE_REQUIRED",
    metadata: { topic: "account-closed", channel: "CHANNEL_EMAIL" },
  });
});

test("an etag that is not that of the preferences as they are is refused", async (t) => {
  const { client } = await shop.register("Ada");
  const preferences = [off("welcome", EMAIL)];
  t.is(await reasonOf(client.updateMyPreferences({ preferences, etag: "7" })), "ETAG_MISMATCH");
  t.is(await reasonOf(client.updateMyPreferences({ preferences, etag: "nonsense" })), "ETAG_MISMATCH");
  t.deepEqual(switchedOff(await client.getMyPreferences({})), []);
});

test("what a user switched off is not sent or shown, but noted; what must be told is sent all the same", async (t) => {
  const { mailbox, events } = shop;
  const ada = await shop.register("Ada");
  await until(async () => (await mailbox.mailsTo(ada.email)).length === 2);
  const preferences = [off("order-delivered", EMAIL), off("order-note", SHOP), off("order-confirmed", SHOP)];
  await ada.client.updateMyPreferences({ preferences });
  const order = orderEvent(ada, OrderState.DELIVERED);
  const arrived = await events.publish(OrderDeliveredSchema, { ...order, shipmentId: "parcel" });
  const note = { ...order, orderNumber: order.order.number, text: "It leaves on Monday." };
  const noted = await events.publish(OrderNoteAddedSchema, note);
  const confirmed = await events.publish(OrderConfirmedSchema, order);
  await events.publish(OrderCancelledSchema, order);

  await until(async () => (await mailbox.mailsTo(ada.email)).length === 5);
  await until(async () => (await ada.told("order-delivered")).length === 1);
  await until(async () => (await ada.told("order-cancelled")).length === 1);
  t.deepEqual(await ada.told("order-note"), []);
  t.deepEqual(await ada.told("order-confirmed"), []);
  const mails = (await mailbox.mailsTo(ada.email)).map(({ subject }) => subject);
  t.true(mails.includes("Order 7K3MW-9QXD2 is confirmed"));
  t.true(mails.includes("Order 7K3MW-9QXD2 is cancelled"));
  t.false(mails.some((subject) => /has arrived/.test(subject)));

  const filter = { accountId: ada.id, state: DeliveryState.SUPPRESSED };
  const { deliveries } = await shop.mesh.as(NotificationService).listDeliveries(filter);
  t.deepEqual(deliveries.map((it) => `${it.topic} ${it.eventId} ${it.recipient}`).sort(), [
    `order-confirmed ${confirmed} `,
    `order-delivered ${arrived} ${ada.email}`,
    `order-note ${noted} `,
  ]);
});
