import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
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
import { on, type Subscription, UnfitEvent } from "#kit/events/subscription.ts";
import type { NotificationTransaction } from "./database.ts";
import { forgetUser } from "./forget-users.ts";
import { mailUser, type Recipient, tellUser } from "./tell-user.ts";
import { accountClosed } from "./templates/account-closed.ts";
import {
  identityLinked,
  passwordChanged,
  refreshTokenReused,
  secondFactorChanged,
} from "./templates/account-notices.ts";
import { giftCard } from "./templates/gift-card.ts";
import type { Shop } from "./templates/message.ts";
import { orderCancelled } from "./templates/order-cancelled.ts";
import { orderConfirmed } from "./templates/order-confirmed.ts";
import { orderDelivered } from "./templates/order-delivered.ts";
import { orderEdited } from "./templates/order-edited.ts";
import { orderExchanged } from "./templates/order-exchanged.ts";
import { orderNote } from "./templates/order-note.ts";
import { orderRefunded } from "./templates/order-refunded.ts";
import { orderShipped } from "./templates/order-shipped.ts";
import { orderWaits } from "./templates/order-waits.ts";
import { resetPassword } from "./templates/reset-password.ts";
import { returnChanged } from "./templates/return-changed.ts";
import { verifyEmail } from "./templates/verify-email.ts";
import { welcome } from "./templates/welcome.ts";
import type { CurrentTemplates } from "./wording/current-templates.ts";
import type { Notice } from "./wording/notice.ts";
import { type FindTemplate, writeMail, writeMessage } from "./wording/write-message.ts";

/** What events are told with. */
export interface Telling {
  readonly shop: Shop;
  /** Ends the Message-ID of each mail. */
  readonly mailDomain: string;
  readonly templates: CurrentTemplates;
}

/** The events of others of which users are told. */
export function subscriptions({ shop, mailDomain, templates }: Telling): Subscription[] {
  /** Has an event told in the shop and by mail. */
  function tell<D extends DescMessage>(
    schema: D,
    recipient: (event: MessageShape<D>) => Recipient,
    notice: Notice<MessageShape<D>>,
  ) {
    return on(schema, async (event, tx: NotificationTransaction, { eventId }) => {
      const message = await compose(writeMessage, notice, event, tx);
      tellUser(tx, eventId, recipient(event), message, mailDomain);
    });
  }

  /** Has an event told by mail alone; where there is nobody to write to, it is told to nobody. */
  function mail<D extends DescMessage>(
    schema: D,
    recipient: (event: MessageShape<D>) => Recipient,
    notice: Notice<MessageShape<D>>,
  ) {
    return on(schema, async (event, tx: NotificationTransaction, { eventId }) => {
      const to = recipient(event);
      if (to.email === "") return;
      const written = await compose(writeMail, notice, event, tx);
      mailUser(tx, eventId, to, written, mailDomain);
    });
  }

  /** What a notice cannot tell now it never can: it knows nothing but the event. */
  async function compose<Event, Told>(
    write: (notice: Notice<Event>, event: Event, shop: Shop, find: FindTemplate) => Told,
    notice: Notice<Event>,
    event: Event,
    tx: NotificationTransaction,
  ): Promise<Told> {
    const find = await templates.read(tx);
    try {
      return write(notice, event, shop, find);
    } catch (cause) {
      throw new UnfitEvent(cause instanceof Error ? cause.message : String(cause), { cause });
    }
  }

  return [
    tell(AccountRegisteredSchema, owner, welcome),
    mail(EmailVerificationRequestedSchema, owner, verifyEmail),
    mail(PasswordResetRequestedSchema, owner, resetPassword),
    on(UserDeletedSchema, async (event, tx: NotificationTransaction, { eventId }) => {
      await forgetUser(event, tx, eventId);
      const written = await compose(writeMail, accountClosed, event, tx);
      mailUser(tx, eventId, event, written, mailDomain);
    }),
    tell(PasswordChangedSchema, owner, passwordChanged),
    tell(SecondFactorChangedSchema, owner, secondFactorChanged),
    tell(IdentityLinkedSchema, owner, identityLinked),
    tell(RefreshTokenReusedSchema, owner, refreshTokenReused),
    tell(OrderKeptWaitingSchema, customer, orderWaits),
    tell(OrderConfirmedSchema, customer, orderConfirmed),
    tell(OrderCancelledSchema, customer, orderCancelled),
    tell(OrderEditedSchema, customer, orderEdited),
    tell(OrderExchangedSchema, customer, orderExchanged),
    tell(OrderShippedSchema, customer, orderShipped),
    tell(OrderDeliveredSchema, customer, orderDelivered),
    tell(OrderRefundedSchema, customer, orderRefunded),
    tell(ReturnChangedSchema, customer, returnChanged),
    tell(OrderNoteAddedSchema, customer, orderNote),
    mail(GiftCardIssuedSchema, receiver, giftCard),
  ];
}

/** Who owns the account that an event is about. */
function owner({ accountId, email }: { readonly accountId: string; readonly email: string }): Recipient {
  return { userId: accountId, email };
}

/** Who placed the order that an event is about. */
function customer({ customerId, email }: { readonly customerId: string; readonly email: string }): Recipient {
  return { userId: customerId, email };
}

/** Who is given a gift card. */
function receiver({ recipientEmail }: { readonly recipientEmail: string }): Recipient {
  return { userId: "", email: recipientEmail };
}
