import {
  AccountRegisteredSchema,
  EmailVerificationRequestedSchema,
  IdentityLinkedSchema,
  PasswordChangedSchema,
  PasswordResetRequestedSchema,
  RefreshTokenReusedSchema,
  SecondFactorChangedSchema,
} from "#gen/souk/auth/v1/events_pb.ts";
import { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import {
  OrderCancelledSchema,
  OrderConfirmedSchema,
  OrderDeliveredSchema,
  OrderEditedSchema,
  OrderExchangedSchema,
  OrderKeptWaitingSchema,
  OrderNoteAddedSchema,
  OrderRefundedSchema,
  OrderShippedSchema,
  ReturnChangedSchema,
} from "#gen/souk/order/v1/events_pb.ts";
import { GiftCardIssuedSchema } from "#gen/souk/payment/v1/events_pb.ts";
import { UserDeletedSchema } from "#gen/souk/user/v1/events_pb.ts";
import { databaseUrl } from "#kit/config.ts";
import { listenForChanges } from "#kit/data/changes.ts";
import type { Subscription } from "#kit/events/subscription.ts";
import { job } from "#kit/jobs/job.ts";
import { implement } from "#kit/rpc/implement.ts";
import { defineService } from "#kit/service.ts";
import { notificationSettings } from "./config.ts";
import { forgetDeliveries } from "./delivery/forget-deliveries.ts";
import { startSender } from "./delivery/sender.ts";
import { entities } from "./entities.ts";
import { subscriptions } from "./events.ts";
import { eraseUsers } from "./forget-users.ts";
import { mailChannel } from "./mail/mail-channel.ts";
import { migrations } from "./migrations/index.ts";
import { deliveryRpc } from "./rpc/delivery.ts";
import { notificationRpc } from "./rpc/notification.ts";
import { templateRpc } from "./rpc/template.ts";
import { webhookRpc } from "./rpc/webhook.ts";
import type { Shop } from "./templates/message.ts";
import { giveUpCalls } from "./webhook/give-up-calls.ts";
import { endpointSubscriptions } from "./webhook/tell-endpoints.ts";
import { openWantedEvents } from "./webhook/wanted-events.ts";
import { webhookChannel } from "./webhook/webhook-channel.ts";
import { type NotificationResources, openWebhooks } from "./webhook/webhooks.ts";
import { currentTemplates } from "./wording/current-templates.ts";

/** How often what is left of users who were deleted is erased, in ms. */
const ERASE_USERS_MS = 5_000;
/** How often deliveries that were kept for long enough are removed, in ms. */
const FORGET_DELIVERIES_MS = 3_600_000;
/** How often calls of webhook endpoints that go on failing are given up, in ms. */
const GIVE_UP_CALLS_MS = 3_600_000;

/** What users are told, in the shop and by e-mail. */
export const notification = defineService({
  name: "notification",
  port: 3007,
  settings: notificationSettings,
  data: { entities, migrations },
  serve(resources) {
    const { db, settings, log, onStop } = resources;
    const url = databaseUrl("notification", settings);
    const changes = listenForChanges(url, "notification_made", db.bell, log);
    onStop(changes.stop);
    return [
      implement(NotificationService, {
        ...notificationRpc(db, changes),
        ...deliveryRpc(db),
        ...templateRpc(db, shopOf(resources)),
        ...webhookRpc(openWebhooks(resources), openWantedEvents(resources).look),
      }),
    ];
  },
  consumes: [
    AccountRegisteredSchema,
    EmailVerificationRequestedSchema,
    PasswordResetRequestedSchema,
    PasswordChangedSchema,
    SecondFactorChangedSchema,
    IdentityLinkedSchema,
    RefreshTokenReusedSchema,
    OrderKeptWaitingSchema,
    OrderConfirmedSchema,
    OrderCancelledSchema,
    OrderEditedSchema,
    OrderExchangedSchema,
    OrderShippedSchema,
    OrderDeliveredSchema,
    OrderRefundedSchema,
    ReturnChangedSchema,
    OrderNoteAddedSchema,
    GiftCardIssuedSchema,
    UserDeletedSchema,
  ],
  consume,
  jobs: ({ db, settings }) => [
    job({ name: "erase-users", everyMs: ERASE_USERS_MS, run: (scope) => eraseUsers(db, scope) }),
    job({
      name: "forget-deliveries",
      everyMs: FORGET_DELIVERIES_MS,
      run: (scope) => forgetDeliveries(db, scope, settings.NOTIFICATION_KEEP_DELIVERIES_DAYS),
    }),
    job({ name: "give-up-calls", everyMs: GIVE_UP_CALLS_MS, run: (scope) => giveUpCalls(db, scope) }),
  ],
});

function consume(resources: NotificationResources): Subscription[] {
  const { db, settings, log, onStop } = resources;
  const shop = shopOf(resources);
  const address = settings.NOTIFICATION_MAIL_FROM;
  const sender = { name: shop.name, address };
  for (const channel of [
    mailChannel(settings.NOTIFICATION_SMTP_URL, sender, settings.NOTIFICATION_MAIL_RETRY_MS),
    webhookChannel(openWebhooks(resources), settings.NOTIFICATION_WEBHOOK_RETRY_MS),
  ]) {
    onStop(startSender({ db, log, channel }).stop);
  }
  const mailDomain = address.slice(address.lastIndexOf("@") + 1);
  const templates = currentTemplates(db, log);
  return [
    ...subscriptions({ shop, mailDomain, templates }),
    ...endpointSubscriptions(openWantedEvents(resources).wishes),
  ];
}

function shopOf({ settings }: NotificationResources): Shop {
  return { name: settings.NOTIFICATION_SHOP_NAME, url: settings.NOTIFICATION_SHOP_URL };
}
