import { timestampNow } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import {
  OrderCancelledSchema,
  OrderConfirmedSchema,
  OrderDeliveredSchema,
  OrderKeptWaitingSchema,
  OrderNoteAddedSchema,
  OrderRefundedSchema,
  OrderShippedSchema,
  ReturnChangedSchema,
} from "#gen/souk/order/v1/events_pb.ts";
import { OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { ReturnState } from "#gen/souk/order/v1/return_pb.ts";
import { GiftCardIssuedSchema } from "#gen/souk/payment/v1/events_pb.ts";
import type { SoukError } from "#kit/error.ts";
import { listNotifications } from "../../services/notification/notifications.ts";
import { afterFile } from "../after-file.ts";
import { eur, headersOf } from "./notification-post.ts";
import { type NotificationShop, openShop, orderEvent } from "./notification-shop.ts";
import { until } from "./payment-desk.ts";

let shop: NotificationShop;
const file = afterFile(test);

test.before(async () => {
  shop = await openShop(file);
});

test("who registers is welcomed, in the shop and by mail", async (t) => {
  const { mailbox, register } = shop;
  const ada = await register("Ada");
  await until(async () => (await mailbox.mailsTo(ada.email)).length === 2);
  const mail = (await mailbox.mailsTo(ada.email)).find(({ subject }) => subject === "Welcome to Souk");
  t.regex(mail?.text ?? "", /^Hello Ada,/);
  t.like(await ada.told("welcome"), [{ title: "Welcome to Souk", subjectId: ada.id, readTime: undefined }]);
});

test("a customer is told of a confirmed and of a cancelled order", async (t) => {
  const { mailbox, events, register } = shop;
  const ada = await register("Ada");
  await until(async () => (await mailbox.mailsTo(ada.email)).length === 2);
  const confirmed = orderEvent(ada);
  const confirmedId = await events.publish(OrderConfirmedSchema, confirmed);
  await until(async () => (await mailbox.mailsTo(ada.email)).length === 3);
  const cancelledId = await events.publish(OrderCancelledSchema, orderEvent(ada, OrderState.CANCELLED));
  await until(async () => (await mailbox.mailsTo(ada.email)).length === 4);

  const [cancelMail, confirmMail] = await mailbox.mailsTo(ada.email);
  t.is(confirmMail?.subject, "Order 7K3MW-9QXD2 is confirmed");
  t.regex(confirmMail?.text ?? "", /Total: €115\.40/);
  t.regex(confirmMail?.html ?? "", /Tea cup &lt;small&gt; &amp; “fine”/);
  t.deepEqual(confirmMail && headersOf(confirmMail, "Message-ID"), [`<${confirmedId}@souk.example>`]);
  t.is(cancelMail?.subject, "Order 7K3MW-9QXD2 is cancelled");
  t.deepEqual(cancelMail && headersOf(cancelMail, "Message-ID"), [`<${cancelledId}@souk.example>`]);

  const { notifications } = await ada.client.listMyNotifications({});
  t.deepEqual(
    notifications.map(({ topic }) => topic),
    ["order-cancelled", "order-confirmed", "welcome"],
  );
  t.is(notifications[1]?.subjectId, confirmed.orderId);
});

test("a customer is told of what is sent, arrives, is given back and comes back, each once", async (t) => {
  const { mailbox, events, register } = shop;
  const ada = await register("Ada");
  const sent = { ...orderEvent(ada, OrderState.PARTIALLY_SHIPPED), shipmentId: "parcel" };
  const shippedId = await events.publish(OrderShippedSchema, sent);
  await events.publish(OrderDeliveredSchema, sent);
  const lines = [{ lineId: "shirts", quantity: 1n }];
  await events.publish(OrderRefundedSchema, { ...sent, refund: { amount: eur(4_900n), lines } });
  for (const state of [ReturnState.REQUESTED, ReturnState.APPROVED, ReturnState.RECEIVED])
    await events.publish(ReturnChangedSchema, { ...sent, return: { state, lines } });
  await until(async () => (await mailbox.mailsTo(ada.email)).length === 8);

  const { notifications } = await ada.client.listMyNotifications({});
  const aboutOrder = notifications.filter(({ subjectId }) => subjectId === sent.orderId);
  t.deepEqual(aboutOrder.map(({ topic }) => topic).reverse(), [
    "order-partially-shipped",
    "order-partially-delivered",
    "order-refunded",
    "return-requested",
    "return-approved",
    "return-received",
  ]);
  const mails = await mailbox.mailsTo(ada.email);
  for (const { title } of aboutOrder) t.is(mails.filter(({ subject }) => subject === title).length, 1, title);
  const shipped = mails.find(({ subject }) => subject === "Part of order 7K3MW-9QXD2 is on its way");
  t.deepEqual(shipped && headersOf(shipped, "Message-ID"), [`<${shippedId}@souk.example>`]);
  t.regex(shipped?.text ?? "", /DHL 00340434161094022115/);
});

test("who keeps an order waiting is told where to confirm it, in the mail alone, once", async (t) => {
  const { mailbox, events, register } = shop;
  const ada = await register("Ada");
  const order = orderEvent(ada, OrderState.AWAITING_PAYMENT);
  const confirmUri = "https://pay.example/3ds";
  const expireTime = timestampNow();
  const eventId = await events.publish(OrderKeptWaitingSchema, { ...order, confirmUri, expireTime });
  await events.publish(OrderConfirmedSchema, order);
  await until(async () => (await mailbox.mailsTo(ada.email)).length === 4);
  const mails = (await mailbox.mailsTo(ada.email)).filter(({ subject }) => /waits for you/.test(subject));
  t.deepEqual(
    mails.map((mail) => headersOf(mail, "Message-ID")),
    [[`<${eventId}@souk.example>`]],
  );
  t.true(mails[0]?.text.includes(confirmUri));
  const told = await ada.told("order-awaits-payment");
  t.like(told, [{ subjectId: order.orderId }]);
  t.notRegex(
    JSON.stringify(told, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
    /pay\.example/,
  );
});

test("what staff writes to an order, and a gift card with its code, reach whom they are for", async (t) => {
  const { mailbox, events, register } = shop;
  const ada = await register("Ada");
  const { orderId, customerId, email, order } = orderEvent(ada);
  const note = {
    orderId,
    customerId,
    email,
    orderNumber: order.number,
    text: "It leaves on <Monday>.\n\nSorry!",
  };
  await events.publish(OrderNoteAddedSchema, note);
  await until(async () => (await ada.told("order-note")).length === 1);
  t.like(await ada.told("order-note"), [
    { title: "A message about order 7K3MW-9QXD2", body: "It leaves on <Monday>. Sorry!", subjectId: orderId },
  ]);

  const card = {
    code: "GIFT-1234-5678",
    amount: eur(5_000n),
    message: "Happy birthday!",
    expireTime: timestampNow(),
  };
  const recipientEmail = `${uuidv7()}@example.com`;
  await events.publish(GiftCardIssuedSchema, { ...card, giftCardId: uuidv7() });
  const eventId = await events.publish(GiftCardIssuedSchema, {
    ...card,
    giftCardId: uuidv7(),
    recipientEmail,
  });
  await until(async () => (await mailbox.mailsTo(recipientEmail)).length === 1);
  const [mail] = await mailbox.mailsTo(recipientEmail);
  t.is(mail?.subject, "A gift card for Souk");
  t.deepEqual(mail && headersOf(mail, "Message-ID"), [`<${eventId}@souk.example>`]);
  t.regex(
    mail?.text ?? "",
    /Happy birthday!\s+This is a gift card for Souk, worth €50\.00\. Its code is:\s+GIFT-1234-5678/,
  );
  await until(async () => (await mailbox.mailsTo(ada.email)).length === 3);
  const told = (await mailbox.mailsTo(ada.email)).find(
    ({ subject }) => subject === "A message about order 7K3MW-9QXD2",
  );
  t.regex(told?.html ?? "", /<p>It leaves on &lt;Monday&gt;\.<\/p>\s*<p>Sorry!<\/p>/);
});

test("a guest is told by mail alone", async (t) => {
  const { mailbox, db, events } = shop;
  const email = `${uuidv7()}@example.com`;
  const sent = { ...orderEvent({ id: "", email }, OrderState.SHIPPED), shipmentId: "parcel" };
  const eventId = await events.publish(OrderShippedSchema, sent);
  await until(async () => (await mailbox.mailsTo(email)).length === 1);
  const told = await db.sql.selectFrom("notification").select("id").where("event_id", "=", eventId).execute();
  t.deepEqual(told, []);
});

test("an event that cannot be told is given up and holds up no other", async (t) => {
  const { mailbox, events, register } = shop;
  const ada = await register("Ada");
  const { orderId, customerId, email } = orderEvent(ada);
  await events.publish(OrderConfirmedSchema, orderEvent(ada), Buffer.from("not a message"));
  await events.publish(OrderConfirmedSchema, { orderId, customerId, email });
  await events.publish(OrderConfirmedSchema, orderEvent(ada));
  await until(async () => (await events.deadLetters()) === 2);
  await until(async () =>
    (await mailbox.mailsTo(ada.email)).some(({ subject }) => /confirmed/.test(subject)),
  );
  t.is((await ada.told("order-confirmed")).length, 1);
});

test("notifications come in pages, newest first, whatever arrives meanwhile", async (t) => {
  const { db, register } = shop;
  const ada = await register("Ada");
  await until(async () => (await ada.told("welcome")).length === 1);
  const store = async () => {
    const row = { event_id: uuidv7(), user_id: ada.id, topic: "test", title: "", body: "", subject_id: "" };
    await db.sql
      .insertInto("notification")
      .values({ id: uuidv7(), ...row })
      .execute();
  };
  for (let n = 0; n < 24; n++) await store();
  const before = await listNotifications(db, ada.id, undefined, 100);

  const seen: string[] = [];
  let pageToken = "";
  const sizes: number[] = [];
  do {
    const page = await ada.client.listMyNotifications({ pageSize: 10, pageToken });
    sizes.push(page.notifications.length);
    seen.push(...page.notifications.map(({ id }) => id));
    pageToken = page.nextPageToken;
    await store();
  } while (pageToken !== "");
  t.deepEqual(sizes, [10, 10, 5]);
  t.deepEqual(
    seen,
    before.map(({ id }) => id),
  );
  t.deepEqual(seen, [...seen].sort().reverse());
});

test("notifications are read, and marked as read, by their owner alone", async (t) => {
  const { register } = shop;
  const [ada, bob] = [await register("Ada"), await register("Bob")];
  await until(async () => (await ada.told("welcome")).length === 1);
  const [welcome] = await ada.told("welcome");
  const ids = [welcome?.id ?? "", uuidv7()];

  await bob.client.markNotificationsRead({ ids });
  t.is((await ada.told("welcome"))[0]?.readTime, undefined);
  await ada.client.markNotificationsRead({ ids });
  const [read] = await ada.told("welcome");
  t.true((read?.readTime?.seconds ?? 0n) > 0n);
  await ada.client.markNotificationsRead({ ids });
  t.deepEqual((await ada.told("welcome"))[0]?.readTime, read?.readTime);
  t.false(
    (await bob.client.listMyNotifications({})).notifications.some(({ subjectId }) => subjectId === ada.id),
  );
});

test("notifications are for who signed in, and a page token for who got it", async (t) => {
  const { mesh, register } = shop;
  const reasonOf = async (call: Promise<unknown>) => (await t.throwsAsync<SoukError>(call))?.reason;
  t.is(await reasonOf(mesh.withToken(NotificationService, "").listMyNotifications({})), "TOKEN_MISSING");
  t.is(await reasonOf(mesh.as(NotificationService, "order").listMyNotifications({})), "TOKEN_MISSING");
  const ada = await register("Ada");
  t.is(await reasonOf(ada.client.listMyNotifications({ pageToken: "bogus" })), "PAGE_TOKEN_INVALID");
});
