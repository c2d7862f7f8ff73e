import { uuidv7 } from "uuidv7";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { type Notification, NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { OrderState } from "#gen/souk/order/v1/order_pb.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import { auth } from "../../services/auth/service.ts";
import type { NotificationDatabase } from "../../services/notification/database.ts";
import { notification } from "../../services/notification/service.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import type { Teardown } from "../stores.ts";
import {
  connect,
  type OrderEvents,
  openMailbox,
  openOrderEvents,
  someOrder,
  type TestMailbox,
} from "./notification-post.ts";

/** Somebody who signed in. */
export interface Customer {
  readonly id: string;
  readonly email: string;
  readonly accessToken: string;
  readonly client: MeshClient<typeof NotificationService>;
  /** What the customer was told on a topic, newest first. */
  told(topic: string): Promise<Notification[]>;
}

/** Auth and notification, with a mail server and the events of order. */
export interface NotificationShop {
  readonly mailbox: TestMailbox;
  readonly mesh: TestMesh;
  readonly db: NotificationDatabase;
  readonly events: OrderEvents;
  register(firstName: string): Promise<Customer>;
}

/**
 * Opens a shop.
 *
 * @param settings more settings of its services
 */
export async function openShop(
  t: Teardown,
  settings: Readonly<Record<string, string>> = {},
): Promise<NotificationShop> {
  const mailbox = await openMailbox(t);
  const env = { NOTIFICATION_SMTP_URL: mailbox.smtpUrl, ...settings };
  const mesh = await startTestMesh(t, [auth, notification], { env });
  const db = connect(mesh.env["NOTIFICATION_DATABASE_URL"] as string);
  t.teardown(() => db.close());
  const events = await openOrderEvents(t, mesh);

  async function register(firstName: string): Promise<Customer> {
    const email = `${uuidv7()}@example.com`;
    const request = { email, password: "correct horse battery", firstName, lastName: "L" };
    const { user, tokens } = await mesh.withToken(AuthService, "").register(request);
    const accessToken = tokens?.accessToken ?? "";
    const client = mesh.withToken(NotificationService, accessToken);
    return {
      id: user?.id ?? "",
      email,
      accessToken,
      client,
      async told(topic) {
        const { notifications } = await client.listMyNotifications({ pageSize: 100 });
        return notifications.filter((it) => it.topic === topic);
      },
    };
  }

  return { mailbox, mesh, db, events, register };
}

/** The content of an event about an order of a customer. */
export function orderEvent(
  { id, email }: Pick<Customer, "id" | "email">,
  state: OrderState = OrderState.CONFIRMED,
) {
  const order = someOrder(state);
  return { orderId: order.id, customerId: id, email, order };
}
