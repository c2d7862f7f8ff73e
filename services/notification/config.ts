import { email } from "envalid";
import { count, milliseconds, type Settings, secret, str, url } from "#kit/config.ts";

/** The settings of notification. */
export const notificationSettings = {
  NOTIFICATION_SMTP_URL: url(
    "smtp",
    "smtps",
  )({
    default: "smtp://127.0.0.1:1025",
    desc: "Mail server that takes outgoing mail, with user name and password where it asks for them",
  }),
  NOTIFICATION_MAIL_FROM: email({
    default: "shop@souk.example",
    desc: "Address from which the shop writes; its domain also ends the Message-ID of each mail",
  }),
  NOTIFICATION_SHOP_NAME: str({
    default: "Souk",
    desc: "What the shop calls itself in notifications and mails",
  }),
  NOTIFICATION_SHOP_URL: url(
    "http",
    "https",
  )({
    default: undefined,
    desc: "Address of the storefront: mails lead to its pages verify-email and reset-password, with the token in the fragment; without it they show the token",
  }),
  NOTIFICATION_MAIL_RETRY_MS: milliseconds({
    default: 30_000,
    desc: "How long after a mail server refused a mail for now it is tried again; twice as long each time",
  }),
  NOTIFICATION_WEBHOOK_RETRY_MS: milliseconds({
    default: 30_000,
    desc: "How long after a webhook endpoint did not take a call it is called again; twice as long each time, 8 hours at most, for about a day",
  }),
  NOTIFICATION_KEEP_DELIVERIES_DAYS: count({
    default: 90,
    desc: "How many days it is kept what was sent to whom, with e-mail addresses",
  }),
  NOTIFICATION_KEY_SECRET: secret({
    desc: "Secret, 32 characters or more, under which the secrets of webhook endpoints are encrypted in the database; with another one, each endpoint needs a new secret",
  }),
  NOTIFICATION_WEBHOOKS_TO_PRIVATE: str({
    default: "off",
    choices: ["on", "off"],
    desc: "Whether webhook endpoints may be in private networks and go without TLS, as it is for development",
  }),
} satisfies Settings;
