import { AccountRegisteredSchema } from "#gen/souk/auth/v1/events_pb.ts";
import { OrderCancelledSchema, OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { type EventContext, on, type Subscription } from "#kit/events/subscription.ts";
import type { NotificationTransaction } from "./database.ts";
import { type Recipient, tellUser } from "./tell-user.ts";
import type { Message, Shop } from "./templates/message.ts";
import { orderCancelled } from "./templates/order-cancelled.ts";
import { orderConfirmed } from "./templates/order-confirmed.ts";
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

  return [
    on(AccountRegisteredSchema, (event, tx: NotificationTransaction, context) =>
      tell({ userId: event.accountId, email: event.email }, welcome(event, shop), tx, context),
    ),
    on(OrderConfirmedSchema, (event, tx: NotificationTransaction, context) =>
      tell({ userId: event.customerId, email: event.email }, orderConfirmed(event, shop), tx, context),
    ),
    on(OrderCancelledSchema, (event, tx: NotificationTransaction, context) =>
      tell({ userId: event.customerId, email: event.email }, orderCancelled(event, shop), tx, context),
    ),
  ];
}
