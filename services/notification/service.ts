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
import type { Subscription } from "#kit/events/subscription.ts";
import { job } from "#kit/jobs/job.ts";
import { implement } from "#kit/rpc/implement.ts";
import { defineService, type Resources } from "#kit/service.ts";
import { notificationSettings } from "./config.ts";
import { entities } from "./entities.ts";
import { subscriptions } from "./events.ts";
import { eraseUsers } from "./forget-users.ts";
import { startMailSender } from "./mail/mail-sender.ts";
import { openSmtp } from "./mail/smtp.ts";
import { migrations } from "./migrations/index.ts";
import { notificationRpc } from "./rpc/notification.ts";
import { templateRpc } from "./rpc/template.ts";
import type { Shop } from "./templates/message.ts";
import { currentTemplates } from "./wording/current-templates.ts";

/** How often what is left of users who were deleted is erased, in ms. */
const ERASE_USERS_MS = 5_000;

/** What users are told, in the shop and by e-mail. */
export const notification = defineService({
  name: "notification",
  port: 3007,
  settings: notificationSettings,
  data: { entities, migrations },
  serve: ({ db, settings }) => [
    implement(NotificationService, { ...notificationRpc(db), ...templateRpc(db, shopOf(settings)) }, [
      "watchMyNotifications",
      "getMyUnreadCount",
      "markAllNotificationsRead",
      "getMyPreferences",
      "updateMyPreferences",
      "listDeliveries",
      "getDelivery",
      "retryDelivery",
      "createWebhookEndpoint",
      "listWebhookEndpoints",
      "updateWebhookEndpoint",
      "deleteWebhookEndpoint",
      "rotateWebhookSecret",
      "testWebhookEndpoint",
    ]),
  ],
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
  jobs: ({ db }) => [
    job({ name: "erase-users", everyMs: ERASE_USERS_MS, run: (scope) => eraseUsers(db, scope) }),
  ],
});

function consume({
  db,
  settings,
  log,
  onStop,
}: Resources<typeof notificationSettings, typeof entities>): Subscription[] {
  const shop = shopOf(settings);
  const address = settings.NOTIFICATION_MAIL_FROM;
  const smtp = openSmtp(settings.NOTIFICATION_SMTP_URL, { name: shop.name, address });
  const sender = startMailSender({ db, smtp, log, retryMs: settings.NOTIFICATION_MAIL_RETRY_MS });
  onStop(sender.stop);
  const mailDomain = address.slice(address.lastIndexOf("@") + 1);
  const templates = currentTemplates(db, log);
  return subscriptions({ shop, mailDomain, templates, mailComes: sender.mailComes });
}

function shopOf(settings: Resources<typeof notificationSettings, typeof entities>["settings"]): Shop {
  return { name: settings.NOTIFICATION_SHOP_NAME, url: settings.NOTIFICATION_SHOP_URL };
}
