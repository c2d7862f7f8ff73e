import { defineEntity, p } from "@mikro-orm/core";

/** What a user is told in the shop. */
export const Notification = defineEntity({
  name: "Notification",
  tableName: "notification",
  properties: {
    /** UUIDv7: in the order of their ids, notifications are in the order in which they were made. */
    id: p.uuid().primary(),
    /** The event that it tells of; there is one notification for each. */
    eventId: p.uuid().unique(),
    userId: p.uuid(),
    topic: p.text(),
    title: p.text(),
    body: p.text(),
    subjectId: p.text(),
    createTime: p.datetime().defaultRaw("now()"),
    readTime: p.datetime().nullable(),
  },
});

/** An e-mail on its way out. */
export const Mail = defineEntity({
  name: "Mail",
  tableName: "mail",
  properties: {
    id: p.uuid().primary(),
    /** The event that it tells of; there is one mail for each. */
    eventId: p.uuid().unique(),
    /** Null for a guest. */
    userId: p.uuid().nullable(),
    recipient: p.text(),
    subject: p.text(),
    /** Empty once it is sent, as the HTML. */
    text: p.text(),
    html: p.text(),
    /** The Message-ID header (RFC 5322, 3.6.4), made of the event's id: it stays the same at each attempt. */
    messageId: p.text(),
    state: p.text().$type<"queued" | "sent" | "failed">().default("queued"),
    /** How often it was tried, the attempt under way included. */
    attempts: p.integer().default(0),
    /** When it is tried next; while it is being sent, when another replica may take it for lost. */
    nextAttemptAt: p.datetime().defaultRaw("now()"),
    /** What the mail server said last time it did not take it. */
    lastError: p.text().nullable(),
    createTime: p.datetime().defaultRaw("now()"),
    sentTime: p.datetime().nullable(),
  },
});

/** A user who was deleted, and is told nothing more than that. */
export const ForgottenUser = defineEntity({
  name: "ForgottenUser",
  tableName: "forgotten_user",
  properties: {
    userId: p.uuid().primary(),
    /** The event that told of it, and so of the last mail. */
    eventId: p.uuid(),
    forgetTime: p.datetime().defaultRaw("now()"),
    /** Whether nothing is left of theirs, and nothing that was on its way can come any more. */
    erased: p.boolean().default(false),
  },
});

/** A text that staff wrote in place of the one that came with the shop. */
export const CustomizedTemplate = defineEntity({
  name: "CustomizedTemplate",
  tableName: "customized_template",
  properties: {
    /** The id of the template, which is made of its name. */
    templateId: p.uuid().primary(),
    subject: p.text(),
    body: p.text(),
    /** Another one after each change, also after one that was taken back. */
    etag: p.uuid(),
    updateTime: p.datetime().defaultRaw("now()"),
  },
});

export const entities = [Notification, Mail, ForgottenUser, CustomizedTemplate] as const;
