import {
  AccountRegisteredSchema,
  EmailVerificationRequestedSchema,
  IdentityLinkedSchema,
  PasswordChangedSchema,
  PasswordResetRequestedSchema,
  RefreshTokenReusedSchema,
  SecondFactorChangedSchema,
} from "#gen/souk/auth/v1/events_pb.ts";
import {
  OrderCancelledSchema,
  OrderConfirmedSchema,
  OrderEditedSchema,
  OrderExchangedSchema,
} from "#gen/souk/order/v1/events_pb.ts";
import { type EventContext, on, type Subscription, UnfitEvent } from "#kit/events/subscription.ts";
import type { NotificationTransaction } from "./database.ts";
import { mailUser, type Recipient, tellUser } from "./tell-user.ts";
import {
  identityLinked,
  passwordChanged,
  refreshTokenReused,
  secondFactorChanged,
} from "./templates/account-notices.ts";
import type { MailContent, Message, Shop } from "./templates/message.ts";
import { orderCancelled } from "./templates/order-cancelled.ts";
import { orderConfirmed } from "./templates/order-confirmed.ts";
import { orderEdited } from "./templates/order-edited.ts";
import { orderExchanged } from "./templates/order-exchanged.ts";
import { resetPassword } from "./templates/reset-password.ts";
import { verifyEmail } from "./templates/verify-email.ts";
import { welcome } from "./templates/welcome.ts";

/** What events are told with. */
export interface Telling {
  readonly shop: Shop;
  /** Ends the Message-ID of each mail. */
  readonly mailDomain: string;
  /** Told that a transaction is about to store a mail. */
  mailComes(): void;
}

/** The events of others of which users are told. */
export function subscriptions({ shop, mailDomain, mailComes }: Telling): Subscription[] {
  async function tell(
    recipient: Recipient,
    message: Message,
    tx: NotificationTransaction,
    { eventId }: EventContext,
  ): Promise<void> {
    tellUser(tx, eventId, recipient, message, mailDomain);
    mailComes();
  }

  async function mail(
    recipient: Recipient,
    content: MailContent,
    tx: NotificationTransaction,
    { eventId }: EventContext,
  ): Promise<void> {
    mailUser(tx, eventId, recipient, content, mailDomain);
    mailComes();
  }

  /** What a template cannot tell now it never can: it knows nothing but the event. */
  function compose<Event, Told>(template: (event: Event, shop: Shop) => Told, event: Event): Told {
    try {
      return template(event, shop);
    } catch (cause) {
      throw new UnfitEvent(cause instanceof Error ? cause.message : String(cause), { cause });
    }
  }

  const owner = ({
    accountId,
    email,
  }: {
    readonly accountId: string;
    readonly email: string;
  }): Recipient => ({
    userId: accountId,
    email,
  });

  return [
    on(AccountRegisteredSchema, async (event, tx: NotificationTransaction, context) =>
      tell(owner(event), compose(welcome, event), tx, context),
    ),
    on(EmailVerificationRequestedSchema, async (event, tx: NotificationTransaction, context) =>
      mail(owner(event), compose(verifyEmail, event), tx, context),
    ),
    on(PasswordResetRequestedSchema, async (event, tx: NotificationTransaction, context) =>
      mail(owner(event), compose(resetPassword, event), tx, context),
    ),
    on(PasswordChangedSchema, async (event, tx: NotificationTransaction, context) =>
      tell(owner(event), compose(passwordChanged, event), tx, context),
    ),
    on(SecondFactorChangedSchema, async (event, tx: NotificationTransaction, context) =>
      tell(owner(event), compose(secondFactorChanged, event), tx, context),
    ),
    on(IdentityLinkedSchema, async (event, tx: NotificationTransaction, context) =>
      tell(owner(event), compose(identityLinked, event), tx, context),
    ),
    on(RefreshTokenReusedSchema, async (event, tx: NotificationTransaction, context) =>
      tell(owner(event), compose(refreshTokenReused, event), tx, context),
    ),
    on(OrderConfirmedSchema, async (event, tx: NotificationTransaction, context) =>
      tell({ userId: event.customerId, email: event.email }, compose(orderConfirmed, event), tx, context),
    ),
    on(OrderCancelledSchema, async (event, tx: NotificationTransaction, context) =>
      tell({ userId: event.customerId, email: event.email }, compose(orderCancelled, event), tx, context),
    ),
    on(OrderEditedSchema, async (event, tx: NotificationTransaction, context) =>
      tell({ userId: event.customerId, email: event.email }, compose(orderEdited, event), tx, context),
    ),
    on(OrderExchangedSchema, async (event, tx: NotificationTransaction, context) =>
      tell({ userId: event.customerId, email: event.email }, compose(orderExchanged, event), tx, context),
    ),
  ];
}
