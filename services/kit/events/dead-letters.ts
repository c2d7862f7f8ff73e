import type { JsMsg, StoredMsg } from "@nats-io/jetstream";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import { isMeshRefusal, MeshReason, refuseMesh, SoukError } from "../error.ts";
import type { EventBus } from "./bus.ts";
import { ID_HEADER } from "./envelope.ts";
import type { EventHandler } from "./handle.ts";

/** An event that could not be handled. */
export interface DeadLetter {
  /** The id of the event; of what is none, where it was found. */
  readonly id: string;
  /** Its place in the list: after it comes what was given up, or failed again, later. */
  readonly position: string;
  readonly eventId: string;
  readonly subject: string;
  /** Why the last attempt failed. */
  readonly error: string;
  readonly attempts: number;
  /** When that was. */
  readonly deadTime: Date;
}

/** The dead letters of one service. */
export interface DeadLetters {
  /**
   * Puts an event among them; of the same event there is one.
   *
   * @param message as it came from its stream
   * @param error why it could not be handled
   * @param attempts how often that was tried
   */
  bury(message: JsMsg, error: unknown, attempts: number): Promise<void>;
  /**
   * Lists them, oldest first.
   *
   * @param after the position after which to go on; "0" for the beginning
   * @param limit how many at most
   */
  list(after: string, limit: number): Promise<DeadLetter[]>;
  /** How many there are. */
  count(): Promise<number>;
  /**
   * Handles one again and takes it off the list. Where that fails it stays there, with its new error.
   *
   * @throws SoukError NOT_FOUND, EVENT_NOT_HANDLED, or DEPENDENCY_UNAVAILABLE
   */
  replay(id: string): Promise<void>;
}

/** How long the server may take to find that there are no more, in ms. */
const LIST_MS = 1_000;
const EVENT_ID = /^[\w-]{1,100}$/;

/**
 * Opens the dead letters of a service. Each has a subject of its own, of which the stream keeps the last message: that
 * is how a letter is found, and replaced by what became of it.
 *
 * @param bus where they are kept
 * @param service whose they are
 * @param handle handles one that is replayed
 */
export function deadLetters(bus: EventBus, service: string, handle: EventHandler): DeadLetters {
  const subjectOf = (id: string) => `${bus.namespace}.dead.${service}.${id}`;

  function find(id: string): Promise<StoredMsg | null> {
    return bus.withStream("dead", (stream, { manager }) =>
      manager.streams.getMessage(stream, { last_by_subj: subjectOf(id) }),
    );
  }

  /** Where another replay came first, its outcome stands. */
  async function replaceError(id: string, letter: StoredMsg, error: unknown): Promise<void> {
    const all = withOutcome(letter.header, error, Number(letter.header.get("souk-attempts")) + 1);
    await bus.withStream("dead", (streamName, { client }) =>
      client.publish(subjectOf(id), letter.data, {
        headers: all,
        expect: { streamName, lastSubjectSequence: letter.seq },
      }),
    );
  }

  return {
    async bury(message, error, attempts) {
      const eventId = message.headers?.get(ID_HEADER) ?? "";
      const id = EVENT_ID.test(eventId) ? eventId : `${message.info.stream}-${message.seq}`;
      const all = withOutcome(message.headers, error, attempts);
      all.set("souk-subject", message.subject);
      all.set("souk-event-id", eventId);
      await bus.withStream("dead", (streamName, { client }) =>
        client.publish(subjectOf(id), message.data, { headers: all, expect: { streamName } }),
      );
    },

    list: (after, limit) =>
      bus.withStream("dead", async (stream, { client }) => {
        const consumer = await client.consumers.get(stream, {
          filter_subjects: [subjectOf("*")],
          deliver_policy: "by_start_sequence",
          opt_start_seq: Number(after) + 1,
        });
        const { num_pending } = await consumer.info();
        const expected = Math.min(limit, num_pending);
        const found: DeadLetter[] = [];
        if (expected > 0) {
          const messages = await consumer.fetch({ max_messages: expected, expires: LIST_MS });
          for await (const message of messages) {
            found.push(toDeadLetter(message));
            if (found.length === expected) break;
          }
        }
        await consumer.delete();
        return found;
      }),

    count: () =>
      bus.withStream("dead", async (stream, { manager }) => {
        const { state } = await manager.streams.info(stream, { subjects_filter: subjectOf("*") });
        return Object.keys(state.subjects ?? {}).length;
      }),

    async replay(id) {
      const letter = await find(id);
      if (letter === null) {
        throw refuseMesh(MeshReason.NOT_FOUND, `there is no dead letter ${id}; list them to see which are`);
      }
      const all = copyHeaders(letter.header);
      all.set(ID_HEADER, all.get("souk-event-id"));
      try {
        await handle.handle([handle.read({ data: letter.data, headers: all })]);
      } catch (error) {
        // That the database is away says nothing about the event.
        if (isMeshRefusal(error, MeshReason.DEPENDENCY_UNAVAILABLE)) throw error;
        await replaceError(id, letter, error).catch(() => {});
        const message = `the event could not be handled again: ${describe(error)}; it stays among the dead letters`;
        throw refuseMesh(MeshReason.EVENT_NOT_HANDLED, message, { cause: error });
      }
      await bus.withStream("dead", (stream, { manager }) =>
        manager.streams.purge(stream, { filter: subjectOf(id) }),
      );
    },
  };
}

function toDeadLetter({ seq, subject, headers: all, time }: JsMsg): DeadLetter {
  return {
    id: subject.slice(subject.lastIndexOf(".") + 1),
    position: String(seq),
    eventId: all?.get("souk-event-id") ?? "",
    subject: all?.get("souk-subject") ?? "",
    error: all?.get("souk-error") ?? "",
    attempts: Number(all?.get("souk-attempts") ?? 0),
    deadTime: new Date(time),
  };
}

function withOutcome(from: MsgHdrs | undefined, error: unknown, attempts: number): MsgHdrs {
  const all = copyHeaders(from);
  all.set(
    "souk-error",
    describe(error)
      .replace(/[\r\n]+/g, " ")
      .slice(0, 2_000),
  );
  all.set("souk-attempts", String(attempts));
  return all;
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

function describe(error: unknown): string {
  const why = error instanceof SoukError && error.cause instanceof Error ? error.cause : error;
  return why instanceof Error ? `${why.name}: ${why.message}` : String(why);
}
