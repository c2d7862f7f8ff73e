import type { JsMsg } from "@nats-io/jetstream";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import { MeshReason, refuseMesh } from "../error.ts";
import type { EventBus } from "./bus.ts";
import { ID_HEADER } from "./envelope.ts";
import type { EventHandler, IncomingEvent } from "./handle.ts";

/** An event that could not be handled. */
export interface DeadLetter {
  /** Its sequence number in the stream of dead letters. */
  readonly id: string;
  readonly eventId: string;
  readonly subject: string;
  readonly error: string;
  readonly attempts: number;
  readonly deadTime: Date;
}

/** The dead letters of one service. */
export interface DeadLetters {
  /**
   * Puts an event among them; the same event again changes nothing.
   *
   * @param subject where it was published
   * @param error why it could not be handled
   * @param attempts how often that was tried
   */
  bury(event: IncomingEvent, subject: string, error: string, attempts: number): Promise<void>;
  /**
   * Lists them, oldest first.
   *
   * @param after the id after which to go on; "0" for the beginning
   * @param limit how many at most
   */
  list(after: string, limit: number): Promise<DeadLetter[]>;
  /**
   * Handles one again and takes it off the list.
   *
   * @throws SoukError NOT_FOUND, or whatever its handler throws; then it stays on the list
   */
  replay(id: string): Promise<void>;
}

/** How long the server may take to find that there are no more, in ms. */
const LIST_MS = 1_000;

/**
 * Opens the dead letters of a service.
 *
 * @param bus where they are kept
 * @param service whose they are
 * @param handle handles one that is replayed
 */
export function deadLetters(bus: EventBus, service: string, handle: EventHandler): DeadLetters {
  const subject = `${bus.namespace}.dead.${service}`;
  return {
    async bury(event, originalSubject, error, attempts) {
      const stream = await bus.ensureStream("dead");
      const { client } = bus.streams();
      const all = copyHeaders(event.headers);
      all.set("souk-subject", originalSubject);
      all.set("souk-error", error.replace(/[\r\n]+/g, " ").slice(0, 2_000));
      all.set("souk-attempts", String(attempts));
      const eventId = event.headers?.get(ID_HEADER) ?? "";
      all.set("souk-event-id", eventId);
      await client.publish(subject, event.data, {
        headers: all,
        expect: { streamName: stream },
        ...(eventId !== "" && { msgID: `${service}/${eventId}` }),
      });
    },
    async list(after, limit) {
      const stream = await bus.ensureStream("dead");
      const { client } = bus.streams();
      const consumer = await client.consumers.get(stream, {
        filter_subjects: [subject],
        deliver_policy: "by_start_sequence",
        opt_start_seq: Number(after) + 1,
      });
      const { num_pending } = await consumer.info();
      const expected = Math.min(limit, num_pending);
      if (expected === 0) return [];
      const found: DeadLetter[] = [];
      const messages = await consumer.fetch({ max_messages: expected, expires: LIST_MS });
      for await (const message of messages) {
        found.push(toDeadLetter(message));
        if (found.length === expected) break;
      }
      return found;
    },
    async replay(id) {
      const stream = await bus.ensureStream("dead");
      const { manager } = bus.streams();
      const message = await manager.streams.getMessage(stream, { seq: Number(id) }).catch(() => null);
      if (message === null || message.subject !== subject) {
        throw refuseMesh(MeshReason.NOT_FOUND, `there is no dead letter ${id}; list them to see which are`);
      }
      const all = copyHeaders(message.header);
      all.set(ID_HEADER, all.get("souk-event-id"));
      await handle.handle([handle.read({ data: message.data, headers: all })]);
      await manager.streams.deleteMessage(stream, message.seq);
    },
  };
}

function toDeadLetter({ seq, headers: all, time }: JsMsg): DeadLetter {
  return {
    id: String(seq),
    eventId: all?.get("souk-event-id") ?? "",
    subject: all?.get("souk-subject") ?? "",
    error: all?.get("souk-error") ?? "",
    attempts: Number(all?.get("souk-attempts") ?? 0),
    deadTime: new Date(time),
  };
}

function copyHeaders(from: MsgHdrs | undefined): MsgHdrs {
  const copy = headers();
  for (const [name, values] of from ?? []) {
    // The server reads its own headers as orders; those of the first publication are spent.
    if (name.startsWith("Nats-")) continue;
    for (const value of values) copy.append(name, value);
  }
  return copy;
}
