import test from "ava";
import { pino } from "pino";
import { uuidv7 } from "uuidv7";
import { BadRequestSchema } from "#gen/google/rpc/error_details_pb.ts";
import { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { Channel } from "#gen/souk/notification/v1/preference_pb.ts";
import { OrderCancelledSchema, OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { Code, detailOf } from "#kit/error.ts";
import { findByUse } from "../../services/notification/wording/catalogue.ts";
import { currentTemplates } from "../../services/notification/wording/current-templates.ts";
import { afterFile } from "../after-file.ts";
import { reasonOf, refusal } from "../refusal.ts";
import { notificationDatabase } from "./notification-post.ts";
import { type NotificationShop, openShop, orderEvent } from "./notification-shop.ts";
import { until } from "./payment-desk.ts";

let shop: NotificationShop;
const file = afterFile(test);

test.before(async () => {
  shop = await openShop(file);
});

const staff = () => shop.mesh.as(NotificationService);
const idOf = (...use: Parameters<typeof findByUse>) => findByUse(...use).id;

// One after the other: they change the texts of one shop, and the machine may have much else to do.
test.serial("templates come in pages, by topic, channel and language", async (t) => {
  const seen: string[] = [];
  let pageToken = "";
  do {
    const page = await staff().listTemplates({ pageSize: 20, pageToken });
    t.true(page.templates.length <= 20);
    seen.push(...page.templates.map(({ topic, channel, locale }) => `${topic} ${channel} ${locale}`));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  t.deepEqual(seen, [...new Set(seen)].sort());
  t.true(seen.length > 40);

  const { templates } = await staff().listTemplates({ topic: "reset-password", locale: "EN" });
  t.like(templates, [
    {
      channel: Channel.EMAIL,
      locale: "en",
      placeholders: ["end", "link", "shop"],
      customized: false,
      flaws: [],
    },
  ]);
  t.deepEqual((await staff().listTemplates({ locale: "de" })).templates, []);
  t.is(await reasonOf(staff().listTemplates({ topic: "weather" })), "TOPIC_NOT_FOUND");
  const { nextPageToken } = await staff().listTemplates({ pageSize: 1 });
  t.is(
    await reasonOf(staff().listTemplates({ topic: "welcome", pageToken: nextPageToken })),
    "PAGE_TOKEN_INVALID",
  );
});

test.serial("customers are told in the words of staff, until those are taken back", async (t) => {
  const { mailbox, events, register } = shop;
  const ada = await register("Ada");
  const mailsOf = async (subject: string) =>
    (await mailbox.mailsTo(ada.email)).filter((it) => it.subject === subject);
  const [mail, line] = [idOf("order-confirmed", "email"), idOf("order-confirmed", "shop")];
  const subject = "We have it: {{number}} <3";
  const body = "Dear customer,\r\n\r\nthis is it:\r\n{{summary}}\r\n\r\nhttps://shop.example/help\r\n";
  const { template } = await staff().updateTemplate({ id: mail, subject, body });
  t.like(template, { customized: true, topic: "order-confirmed", subject, channel: Channel.EMAIL });
  t.is(template?.body, "Dear customer,\n\nthis is it:\n{{summary}}\n\nhttps://shop.example/help");
  t.truthy(template?.updateTime);
  await staff().updateTemplate({ id: line, subject: "{{number}} it is", body: "At {{shop}}." });

  await events.publish(OrderConfirmedSchema, orderEvent(ada));
  await until(async () => (await mailsOf("We have it: 7K3MW-9QXD2 <3")).length === 1);
  const [told] = await mailsOf("We have it: 7K3MW-9QXD2 <3");
  t.regex(told?.text ?? "", /^Hello,\s+Dear customer,\s+this is it:\s+2 × Linen shirt[\s\S]+Total: €115\.40/);
  t.regex(told?.html ?? "", /<p>Dear customer,<\/p>\s+<p>this is it:<\/p>\s+<table/);
  t.regex(told?.html ?? "", /<td>Tea cup &lt;small&gt; &amp; “fine”<\/td>/);
  t.regex(told?.html ?? "", /<title>We have it: 7K3MW-9QXD2 &lt;3<\/title>/);
  t.regex(
    told?.html ?? "",
    /<p><a href="https:\/\/shop\.example\/help">https:\/\/shop\.example\/help<\/a><\/p>/,
  );
  t.like(await ada.told("order-confirmed"), [{ title: "7K3MW-9QXD2 it is", body: "At Souk." }]);

  await staff().resetTemplate({ id: mail });
  t.like((await staff().resetTemplate({ id: mail })).template, {
    customized: false,
    subject: "Order {{number}} is confirmed",
    updateTime: undefined,
  });
  await events.publish(OrderConfirmedSchema, orderEvent(ada));
  await until(async () => (await mailsOf("Order 7K3MW-9QXD2 is confirmed")).length === 1);
  t.is((await mailsOf("We have it: 7K3MW-9QXD2 <3")).length, 1);
});

test.serial("of those who change a template at once, one does; a repetition changes nothing", async (t) => {
  const id = idOf("welcome", "email");
  const { template: before } = await staff().getTemplate({ id: id.toUpperCase() });
  const etag = before?.etag ?? "";
  const write = (subject: string) => staff().updateTemplate({ id, subject, body: "Hello", etag });
  const attempts = await Promise.allSettled(["One", "Two", "Three"].map(write));
  const [won, ...others] = attempts.filter((it) => it.status === "fulfilled");
  t.is(others.length, 0);
  const lost = attempts.flatMap((it) => (it.status === "rejected" ? [it.reason.reason] : []));
  t.deepEqual(lost, ["ETAG_MISMATCH", "ETAG_MISMATCH"]);
  const written = won?.value.template;
  t.not(written?.etag, etag);

  const repeated = await write(written?.subject ?? "");
  t.deepEqual(repeated.template, written);
  await staff().resetTemplate({ id });
  const { template: again } = await staff().updateTemplate({ id, subject: "One", body: "Hello", etag });
  t.not(again?.etag, written?.etag);
  const change = { id, subject: "Four", body: "Hello", etag: written?.etag ?? "" };
  t.is(await reasonOf(staff().updateTemplate(change)), "ETAG_MISMATCH");

  const own = await staff().updateTemplate({ id, subject: before?.subject ?? "", body: before?.body ?? "" });
  t.deepEqual(own.template, before);
});

test.serial("a text that cannot be used is refused with its field, and nothing changes", async (t) => {
  const id = idOf("reset-password", "email");
  const before = await staff().getTemplate({ id });
  const bad = { id, subject: "Hi {{link}}", body: "Click {{here}}" };
  for (const call of [staff().updateTemplate(bad), staff().previewTemplate(bad)]) {
    const error = await refusal(call);
    t.is(error.code, Code.INVALID_ARGUMENT);
    t.is(error.reason, "TEMPLATE_INVALID");
    t.deepEqual(
      detailOf(error, BadRequestSchema)?.fieldViolations.map(
        ({ field, description }) => `${field} ${description}`,
      ),
      [
        "subject {{link}} is not known here; there may be {{end}}, {{shop}}",
        "body {{here}} is not known here; there may be {{end}}, {{link}}, {{shop}}",
        "body lacks {{link}}, without which it is worth nothing",
      ],
    );
  }
  t.deepEqual(await staff().getTemplate({ id }), before);
  const nothing = "018f6b1c-7c8e-7d0a-8a53-6f0a4f2f7e11";
  for (const call of [
    staff().getTemplate({ id: nothing }),
    staff().updateTemplate({ id: nothing, subject: "Hi", body: "Hi" }),
    staff().resetTemplate({ id: nothing }),
    staff().previewTemplate({ id: nothing }),
  ])
    t.is(await reasonOf(call), "TEMPLATE_NOT_FOUND");
});

test.serial("a preview shows a text with sample values and stores nothing", async (t) => {
  const id = idOf("order-shipped", "email");
  const { subject, body, html } = await staff().previewTemplate({
    id,
    body: "<i>Off</i> it goes\n\n{{pieces}}",
  });
  t.is(subject, "Order 7K3MW-9QXD2 is on its way");
  t.is(body, "Hello,\n\n<i>Off</i> it goes\n\n1 × Desk lamp (brass)\n\nSouk\n");
  t.regex(html, /<p>&lt;i&gt;Off&lt;\/i&gt; it goes<\/p>\n<ul>\n<li>1 × Desk lamp \(brass\)<\/li>/);
  t.false((await staff().getTemplate({ id })).template?.customized);
  const line = await staff().previewTemplate({ id: idOf("order-shipped", "shop"), subject: "{{number}}" });
  t.like(line, {
    subject: "7K3MW-9QXD2",
    body: "Your order is on its way. DHL 00340434161094022115.",
    html: "",
  });
});

test.serial("where a release made a text unfit, the shop's own is told, and staff sees why", async (t) => {
  const { mailbox, events, db, register } = shop;
  const ada = await register("Ada");
  const id = idOf("order-cancelled", "email");
  await db.sql
    .insertInto("customized_template")
    .values({ template_id: id, subject: "Gone", body: "Gone: {{basket}}", etag: uuidv7() })
    .execute();
  // Has this process read what is stored.
  await staff().updateTemplate({ id: idOf("order-cancelled", "shop"), subject: "It is gone", body: "Gone." });
  const { template } = await staff().getTemplate({ id });
  t.deepEqual(template?.flaws, [
    "body: {{basket}} is not known here; there may be {{number}}, {{summary}}, {{shop}}",
  ]);
  await events.publish(OrderCancelledSchema, orderEvent(ada, OrderState.CANCELLED));
  await until(async () =>
    (await mailbox.mailsTo(ada.email)).some(({ subject }) => subject === "Order 7K3MW-9QXD2 is cancelled"),
  );
  t.like(await ada.told("order-cancelled"), [{ title: "It is gone" }]);
  t.is(await events.deadLetters(), 0);
});

test.serial("texts are read once for many events and anew when changed; flaws are logged once", async (t) => {
  const db = await notificationDatabase(t);
  const logged: { template: string }[] = [];
  const log = pino({}, { write: (line: string) => logged.push(JSON.parse(line)) });
  const templates = currentTemplates(db, log);
  const subjectOf = async () => (await templates.read(db.pool))("order-shipped", "email").subject;
  const own = findByUse("order-shipped", "email");
  t.is(await subjectOf(), own.template.subject);

  const before = db.pool.statements();
  for (let n = 0; n < 1_000; n++) await subjectOf();
  t.true(db.pool.statements() - before < 500);

  const unfit = { template_id: idOf("order-confirmed", "email"), subject: "{{gone}}", body: "Hi" };
  const fit = { template_id: own.id, subject: "Off it goes", body: "Hi" };
  const etag = "018f6b1c-7c8e-7d0a-8a53-6f0a4f2f7e11";
  await db.sql
    .insertInto("customized_template")
    .values([unfit, fit].map((it) => ({ ...it, etag })))
    .execute();
  db.bell.raise(own.id);
  t.deepEqual(await subjectOf(), ["Off it goes"]);
  db.bell.raise(own.id);
  await subjectOf();
  const find = await templates.read(db.pool);
  t.is(find("order-confirmed", "email"), findByUse("order-confirmed", "email").template);
  t.deepEqual(
    logged.map(({ template }) => template),
    [unfit.template_id],
  );

  // Another process changed it: its bell does not ring here.
  await db.sql.deleteFrom("customized_template").execute();
  await until(async () => (await subjectOf()) === own.template.subject);
});
