import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect as connectNats } from "@nats-io/transport-node";
import { type Logger, pino } from "pino";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { uuidv7 } from "uuidv7";
import type {
  OrderCancelledSchema,
  OrderConfirmedSchema,
  OrderDeliveredSchema,
  OrderKeptWaitingSchema,
  OrderNoteAddedSchema,
  OrderRefundedSchema,
  OrderShippedSchema,
  ReturnChangedSchema,
} from "#gen/souk/order/v1/events_pb.ts";
import { type Order, OrderSchema, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import type { GiftCardIssuedSchema } from "#gen/souk/payment/v1/events_pb.ts";
import { openDatabase } from "#kit/data/database.ts";
import { eventSubject } from "#kit/data/outbox.ts";
import { toHeaders } from "#kit/events/envelope.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import type { Scope } from "#kit/scope.ts";
import { type Mailbox, startMailbox } from "../../deploy/local/mailbox.ts";
import { pickFreePort } from "../../deploy/local/ports.ts";
import type { NotificationDatabase } from "../../services/notification/database.ts";
import type { Outbound } from "../../services/notification/delivery/send-due.ts";
import { entities } from "../../services/notification/entities.ts";
import { mailChannel } from "../../services/notification/mail/mail-channel.ts";
import { migrations } from "../../services/notification/migrations/index.ts";
import { tellUser } from "../../services/notification/tell-user.ts";
import { eventually } from "../eventually.ts";
import type { TestMesh } from "../mesh.ts";
import { createMigratedDatabase } from "../migrated-database.ts";
import type { Teardown } from "../stores.ts";

/** A mail as the mailbox shows it. */
export interface ReceivedMail {
  readonly id: string;
  readonly from: string;
  readonly to: string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly headers: [string, string][];
}

/** A mail server of one test, which may be stopped and started. */
export interface TestMailbox {
  /** Stays the same when it is started again. */
  readonly smtpUrl: string;
  /** The mails to an address, newest first. */
  mailsTo(address: string): Promise<ReceivedMail[]>;
  /** How many mails there are in all. */
  count(): Promise<number>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Starts a mailbox. */
export async function openMailbox(t: Teardown): Promise<TestMailbox> {
  const dir = mkdtempSync(join(tmpdir(), "souk-mailbox-"));
  // Nobody else takes it while the server is away.
  const smtpPort = await pickFreePort();
  let mailbox: Mailbox = await startMailbox({ dir, smtpPort, httpPort: 0 });
  const smtpUrl = mailbox.smtpUrl;
  t.teardown(async () => {
    await mailbox.stop();
    rmSync(dir, { recursive: true });
  });
  const read = async (path: string) => (await fetch(new URL(path, mailbox.url))).json() as Promise<unknown>;
  return {
    smtpUrl,
    async mailsTo(address) {
      const { messages } = (await read(`api/messages?to=${encodeURIComponent(address)}`)) as {
        messages: ReceivedMail[];
      };
      return Promise.all(messages.map(({ id }) => read(`api/messages/${id}`) as Promise<ReceivedMail>));
    },
    count: async () => ((await read("api/messages")) as { total: number }).total,
    stop: () => mailbox.stop(),
    async start() {
      mailbox = await startMailbox({ dir, smtpPort, httpPort: 0 });
    },
  };
}

/** Starts a mail server that behaves as told. */
export async function startServer(t: Teardown, options: SMTPServerOptions) {
  const server = new SMTPServer({ disabledCommands: ["AUTH", "STARTTLS"], closeTimeout: 100, ...options });
  server.on("error", () => {});
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  t.teardown(() => new Promise<void>((resolve) => server.close(resolve)));
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    /** Breaks a connection off without a word. */
    hangUp(sessionId: string) {
      for (const connection of server.connections) {
        if (connection.id === sessionId) connection._socket.destroy();
      }
    },
  };
}

/** The values of a header of a mail. */
export function headersOf({ headers }: ReceivedMail, name: string): string[] {
  return headers.filter(([it]) => it.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
}

/** Opens a database of notification's that no other test knows. */
export async function notificationDatabase(t: Teardown): Promise<NotificationDatabase & { url: string }> {
  const { url } = await createMigratedDatabase(t, migrations);
  const db = connect(url);
  t.teardown(() => db.close());
  return { ...db, url };
}

/** Connects to a database of notification's. */
export function connect(url: string): NotificationDatabase {
  const log = pino({ level: "silent" });
  return openDatabase({ url, entities, migrations, poolSize: 6, applicationName: "notification-test", log });
}

/** What mails are sent with, by default in such a way that a refused mail is due again at once. */
export function outboundOf(
  t: Teardown,
  db: NotificationDatabase,
  smtpUrl: string,
  { retryMs = 0, log = pino({ level: "silent" }) }: { retryMs?: number; log?: Logger } = {},
): Outbound {
  const channel = mailChannel(smtpUrl, { name: "Souk", address: "shop@souk.example" }, retryMs);
  t.teardown(async () => channel.close());
  return { db, channel, log };
}

/** The scope of work that a test does on a database. */
export function scopeOfTest(): Scope {
  const noMesh = () => {
    throw new Error("notification calls no other service");
  };
  return rootScopes(pino({ level: "silent" }), noMesh)({ timeoutMs: 60_000 });
}

/**
 * Stores a mail to send.
 *
 * @returns the id of its event
 */
export async function queueMail(
  db: NotificationDatabase,
  recipient: string,
  subject = "Hello",
): Promise<string> {
  const eventId = uuidv7();
  const mail = { subject, text: "Good day", html: "<p>Good day</p>" };
  const message = { topic: "welcome" as const, title: subject, body: "Good day", subjectId: "", mail };
  await db.write(scopeOfTest(), async (tx) =>
    tellUser(tx, eventId, { userId: uuidv7(), email: recipient }, message, "souk.example"),
  );
  return eventId;
}

/** The mails of a database by recipient. */
export async function mailRows(db: NotificationDatabase) {
  const mails = db.sql.selectFrom("delivery").where("channel", "=", "EMAIL");
  const rows = await mails.selectAll().orderBy("recipient").execute();
  return rows.map(({ recipient, state, attempts, last_error }) => ({
    recipient,
    state,
    attempts,
    last_error,
  }));
}

/** A type of event that users are told of. */
type ToldEvent =
  | typeof GiftCardIssuedSchema
  | typeof OrderNoteAddedSchema
  | typeof OrderKeptWaitingSchema
  | typeof OrderConfirmedSchema
  | typeof OrderCancelledSchema
  | typeof OrderShippedSchema
  | typeof OrderDeliveredSchema
  | typeof OrderRefundedSchema
  | typeof ReturnChangedSchema;

/** Events on their way to notification. */
export interface OrderEvents {
  /**
   * Publishes an event as the relay of order does.
   *
   * @param payload what is sent instead of the event
   * @returns the id of the event
   */
  publish<D extends ToldEvent>(schema: D, init: MessageInitShape<D>, payload?: Uint8Array): Promise<string>;
  /** Has everything delivered again to a service that starts afterwards. */
  forgetDeliveries(): Promise<void>;
  /** Whether everything that was published is done with. */
  settled(): Promise<boolean>;
  /** How many events were given up. */
  deadLetters(): Promise<number>;
}

/** Opens the stream of order's events in a mesh. */
export async function openOrderEvents(t: Teardown, { env }: TestMesh): Promise<OrderEvents> {
  const nats = await connectNats({ servers: env["SOUK_NATS_URL"] as string });
  t.teardown(() => nats.close());
  const namespace = env["SOUK_EVENT_NAMESPACE"];
  const stream = `${namespace}-order`;
  const manager = await jetstreamManager(nats);
  return {
    async publish(schema, init, payload) {
      const id = uuidv7();
      const { orderId, giftCardId = orderId } = init as { orderId: string; giftCardId?: string };
      const envelope = {
        id,
        type: schema.typeName,
        requestId: id,
        traceparent: undefined,
        occurTime: new Date(),
      };
      const event = payload ?? toBinary(schema as DescMessage, create(schema as DescMessage, init));
      const subject = `${namespace}.${eventSubject(schema)}.${giftCardId}`;
      // The stream is there once the service is.
      await eventually(() =>
        jetstream(nats).publish(subject, event, { headers: toHeaders(envelope), msgID: id }),
      );
      return id;
    },
    async forgetDeliveries() {
      for await (const { name } of manager.consumers.list(stream))
        await manager.consumers.delete(stream, name);
    },
    async settled() {
      const consumers = await manager.consumers.list(stream).next();
      return (
        consumers.length > 0 && consumers.every((it) => it.num_pending === 0 && it.num_ack_pending === 0)
      );
    },
    async deadLetters() {
      const { state } = await manager.streams
        .info(`${namespace}-dead`)
        .catch(() => ({ state: { messages: 0 } }));
      return state.messages;
    },
  };
}

/** An amount in euros, in cents. */
export const eur = (minor: bigint) => ({ minor, currency: "EUR" });

/** An order of two shirts and a tea cup, of which the shirts were sent. */
export function someOrder(state: Order["state"] = OrderState.CONFIRMED): Order {
  return create(OrderSchema, {
    id: uuidv7(),
    number: "7K3MW-9QXD2",
    state,
    lines: [
      {
        id: "shirts",
        title: "Linen shirt",
        optionValues: ["blue", "M"],
        quantity: 2n,
        unitPrice: eur(4_900n),
        total: eur(9_800n),
        note: "for my aunt",
      },
      {
        id: "cup",
        title: "Tea cup <small> & “fine”",
        quantity: 1n,
        unitPrice: eur(1_250n),
        total: eur(1_250n),
      },
    ],
    subtotal: eur(11_050n),
    shipping: eur(490n),
    taxIncluded: eur(1_843n),
    total: eur(11_540n),
    shipments: [
      {
        id: "parcel",
        lines: [{ lineId: "shirts", quantity: 2n }],
        carrier: "DHL",
        trackingNumber: "00340434161094022115",
        trackingUri: "https://track.example/00340434161094022115?a=1&b=2",
      },
    ],
    shippingAddress: { name: "Grace Hopper", line1: "1 Navy Yard", city: "Arlington", countryCode: "US" },
  });
}
