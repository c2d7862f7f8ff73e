import type { Migrations } from "#kit/data/migrations.ts";
import { notifications } from "./0001-notifications.ts";
import { mail } from "./0002-mail.ts";
import { forgottenUsers } from "./0003-forgotten-users.ts";
import { deliveries } from "./0004-deliveries.ts";
import { notificationsInTurn } from "./0005-notifications-in-turn.ts";
import { webhooks } from "./0006-webhooks.ts";
import { customizedTemplates } from "./0007-customized-templates.ts";
import { preferences } from "./0008-preferences.ts";
import { timesInTurn } from "./0009-times-in-turn.ts";

export const migrations: Migrations = [
  notifications,
  mail,
  forgottenUsers,
  deliveries,
  notificationsInTurn,
  webhooks,
  customizedTemplates,
  preferences,
  timesInTurn,
];
