import { defineEntity, p } from "@mikro-orm/core";
import type { DeliveryState } from "#gen/souk/notification/v1/delivery_pb.ts";
import type { Channel } from "#gen/souk/notification/v1/preference_pb.ts";

/** How a channel is called in the database. */
export type ChannelName = Exclude<keyof typeof Channel, "UNSPECIFIED">;
/** How the state of a delivery is called in the database. */
export type DeliveryStateName = Exclude<keyof typeof DeliveryState, "UNSPECIFIED">;

/** What a user is told in the shop. */
export const Notification = defineEntity({
  name: "Notification",
  tableName: "notification",
  properties: {
    id: p.uuid().primary(),
    /** The event that it tells of; there is one notification for each. */
    eventId: p.uuid().unique(),
    userId: p.uuid(),
    topic: p.text(),
    title: p.text(),
    body: p.text(),
    subjectId: p.text(),
    /** In the order of the turns. */
    createTime: p.datetime().defaultRaw("notification_time()"),
    readTime: p.datetime().nullable(),
    /** Grows with each transaction that stores some, in the order in which they can be seen; ids are made before. */
    turn: p.bigint().autoincrement(),
  },
});

/** A try to deliver something. */
export interface Attempt {
  /** When it was, as RFC 3339 writes times. */
  readonly time: string;
  /** What the server answered; 0 when nothing. */
  readonly statusCode: number;
  /** Why it failed; empty when it did not. */
  readonly error: string;
  /** How long it took, in ms. */
  readonly ms: number;
}

/**
 * Something that is sent to somebody, or was. What a user was told in the shop is a notification; only one that the
 * user does not want stands here.
 */
export const Delivery = defineEntity({
  name: "Delivery",
  tableName: "delivery",
  properties: {
    /** UUIDv7: in the order of their ids, deliveries are in the order in which they were made. */
    id: p.uuid().primary(),
    /** The event that it tells of; there is one delivery for each channel, or endpoint. */
    eventId: p.uuid(),
    channel: p.text().$type<ChannelName>(),
    /** The webhook endpoint; null for other channels. */
    endpointId: p.uuid().nullable(),
    /** Null for a guest, and where it is to no user. */
    userId: p.uuid().nullable(),
    topic: p.text(),
    /** The e-mail address, or that of the webhook endpoint when it was made. */
    recipient: p.text(),
    /** What it says, in the form of its channel; null once it is delivered, and where it never will be. */
    content: p.json().$type<unknown>().nullable(),
    state: p.text().$type<DeliveryStateName>().default("PENDING"),
    /** How often it was tried, the attempt under way included. */
    attempts: p.integer().default(0),
    /** Those of them after which it had been given up and was then put back. */
    attemptsBefore: p.integer().default(0),
    /** The attempts that came to an end, newest first. */
    attemptLog: p.json().$type<Attempt[]>().defaultRaw("'[]'"),
    /** When it is tried next; while it is under way, when another replica may take it for lost. */
    nextAttemptAt: p.datetime().defaultRaw("now()"),
    /** Why the last attempt failed. */
    lastError: p.text().nullable(),
    createTime: p.datetime().defaultRaw("now()"),
    deliveryTime: p.datetime().nullable(),
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

/** What a user does not want to be told. */
export const Preferences = defineEntity({
  name: "Preferences",
  tableName: "preferences",
  properties: {
    userId: p.uuid().primary(),
    /** Counts the changes. */
    version: p.integer().default(0),
    /** What is not told, as `switchOf` names it. */
    switchedOff: p.array(),
  },
});

/** An address outside of the shop that is told of events. */
export const WebhookEndpoint = defineEntity({
  name: "WebhookEndpoint",
  tableName: "webhook_endpoint",
  properties: {
    /** UUIDv7: in the order of their ids, endpoints are in the order in which they were made. */
    id: p.uuid().primary(),
    url: p.text(),
    description: p.text(),
    /** The full names of the events that it is told of. */
    events: p.array(),
    enabled: p.boolean().default(true),
    version: p.integer().default(1),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

/** A secret under which calls of an endpoint are signed. */
export const WebhookSecret = defineEntity({
  name: "WebhookSecret",
  tableName: "webhook_secret",
  properties: {
    /** UUIDv7: the newest is the last. */
    id: p.uuid().primary(),
    endpointId: p.uuid(),
    /** Encrypted for its endpoint. */
    secret: p.blob(),
    /** Null for the one that was not replaced. */
    expireTime: p.datetime().nullable(),
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

export const entities = [
  Notification,
  Delivery,
  ForgottenUser,
  Preferences,
  WebhookEndpoint,
  WebhookSecret,
  CustomizedTemplate,
] as const;
