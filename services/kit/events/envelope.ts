import { headers, type MsgHdrs } from "@nats-io/transport-node";

/** What travels with an event. */
export interface Envelope {
  /** UUIDv7. */
  readonly id: string;
  /** The full name of its message type. */
  readonly type: string;
  readonly requestId: string;
  readonly traceparent: string | undefined;
  readonly occurTime: Date;
}

/** The header by which JetStream drops what is published twice. */
export const ID_HEADER = "Nats-Msg-Id";

/** The headers under which an envelope travels. */
export function toHeaders(envelope: Envelope): MsgHdrs {
  const all = headers();
  all.set("souk-type", envelope.type);
  all.set("x-request-id", envelope.requestId);
  all.set("souk-time", envelope.occurTime.toISOString());
  if (envelope.traceparent !== undefined) all.set("traceparent", envelope.traceparent);
  return all;
}

/**
 * The envelope of a message.
 *
 * @throws Error when the message was not published by a relay
 */
export function fromHeaders(all: MsgHdrs | undefined): Envelope {
  const id = all?.get(ID_HEADER) ?? "";
  const type = all?.get("souk-type") ?? "";
  const time = all?.get("souk-time") ?? "";
  if (!/^[0-9a-f-]{36}$/.test(id) || type === "")
    throw new Error("the message carries no event id or no type");
  const occurTime = new Date(time);
  if (Number.isNaN(occurTime.getTime())) throw new Error(`the message carries no time but "${time}"`);
  return {
    id,
    type,
    requestId: all?.get("x-request-id") || id,
    traceparent: all?.get("traceparent") || undefined,
    occurTime,
  };
}

/**
 * The id of the aggregate that a message tells of, whichever of its events it is.
 *
 * @param subject where it was published
 */
export function aggregateOf(subject: string): string {
  return subject.slice(subject.lastIndexOf(".") + 1);
}
