import type { Logger } from "pino";
import { type Seal, sealUnder } from "#kit/data/seal.ts";
import type { Resources } from "#kit/service.ts";
import type { notificationSettings } from "../config.ts";
import type { NotificationDatabase } from "../database.ts";
import type { entities } from "../entities.ts";
import { type EndpointBreakers, endpointBreakers } from "./endpoint-breakers.ts";

/** What webhooks are kept and called with. */
export interface Webhooks {
  readonly db: NotificationDatabase;
  /** Encrypts the secrets of endpoints. */
  readonly seal: Seal;
  /** Whether endpoints may be in the shop's own network and go without TLS. */
  readonly toPrivate: boolean;
  readonly breakers: EndpointBreakers;
  /** How long one call may take in all, in ms. */
  readonly callMs: number;
  readonly log: Logger;
}

/** How long one call may take in all, in ms. */
const CALL_MS = 10_000;
/** How long an endpoint that fails is left alone before one call tries it, in ms. */
const RESET_MS = 30_000;

/** What notification works with. */
export type NotificationResources = Resources<typeof notificationSettings, typeof entities>;

const opened = new WeakMap<NotificationDatabase, Webhooks>();

/** What webhooks are kept and called with; the same for all that one service is made of. */
export function openWebhooks(resources: NotificationResources): Webhooks {
  const { db, settings, log, onStop } = resources;
  let webhooks = opened.get(db);
  if (webhooks === undefined) {
    const breakers = endpointBreakers(RESET_MS, log);
    onStop(breakers.stop);
    webhooks = {
      db,
      seal: sealUnder(settings.NOTIFICATION_KEY_SECRET, "souk/notification/webhooks"),
      toPrivate: settings.NOTIFICATION_WEBHOOKS_TO_PRIVATE === "on",
      breakers,
      callMs: CALL_MS,
      log,
    };
    opened.set(db, webhooks);
  }
  return webhooks;
}
