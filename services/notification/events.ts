import { AccountRegisteredSchema } from "#gen/souk/auth/v1/events_pb.ts";
import { OrderCancelledSchema, OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { type EventContext, on, type Subscription, UnfitEvent } from "#kit/events/subscription.ts";
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

  /** What a template cannot tell now it never can: it knows nothing but the event. */
  function compose<Event>(template: (event: Event, shop: Shop) => Message, event: Event): Message {
    try {
      return template(event, shop);
    } catch (cause) {
      throw new UnfitEvent(cause instanceof Error ? cause.message : String(cause), { cause });
    }
  }

  return [
    on(AccountRegisteredSchema, async (event, tx: NotificationTransaction, context) =>
      tell({ userId: event.accountId, email: event.email }, compose(welcome, event), tx, context),
    ),
    on(OrderConfirmedSchema, async (event, tx: NotificationTransaction, context) =>
      tell({ userId: event.customerId, email: event.email }, compose(orderConfirmed, event), tx, context),
    ),
    on(OrderCancelledSchema, async (event, tx: NotificationTransaction, context) =>
      tell({ userId: event.customerId, email: event.email }, compose(orderCancelled, event), tx, context),
    ),
  ];
}
