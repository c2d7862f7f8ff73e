import {
  create,
  type DescMessage,
  getOption,
  hasOption,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { uuidv7 } from "uuidv7";
import { event as eventOption } from "#gen/souk/mesh/v1/policy_pb.ts";
import type { Scope } from "../scope.ts";
import type { FinishingPart } from "./finish.ts";

/** A domain event on its way out. */
export interface OutgoingEvent {
  /** UUIDv7. */
  readonly id: string;
  /** The id of what it tells of; events of one aggregate are published in order. */
  readonly aggregateId: string;
  /** Where it is published, without the namespace: "order.v1.OrderConfirmed.<aggregate id>". */
  readonly subject: string;
  /** The full name of the message. */
  readonly type: string;
  readonly payload: Uint8Array;
  /** The work that it tells of. */
  readonly requestId: string;
  readonly traceparent: string | undefined;
}

/** Servers take messages of 1 MiB unless told otherwise, headers included; what they refuse would never leave. */
const MOST_BYTES = 512 * 1024;

/**
 * Makes an event out of a message that the contracts declare to be one.
 *
 * @param schema the message type; it must carry the option souk.mesh.v1.event
 * @param init the content
 * @param scope the work that it tells of
 * @throws Error when the type is no event, the field of its aggregate's id is empty or unfit for a subject, or
 *   the content is too large
 */
export function outgoingEvent<D extends DescMessage>(
  schema: D,
  init: MessageInitShape<D>,
  { requestId, traceparent }: Scope,
): OutgoingEvent {
  const message = create(schema, init);
  const payload = toBinary(schema, message);
  if (payload.byteLength > MOST_BYTES) {
    throw new Error(
      `${schema} has ${payload.byteLength} bytes; an event may have ${MOST_BYTES}. Name things instead of holding them.`,
    );
  }
  const aggregateId = aggregateOf(schema, message as unknown as Record<string, unknown>);
  return {
    id: uuidv7(),
    aggregateId,
    subject: `${eventSubject(schema)}.${aggregateId}`,
    type: schema.typeName,
    payload,
    requestId,
    traceparent,
  };
}

/**
 * The subject of an event type without namespace and aggregate: "order.v1.OrderConfirmed" for
 * souk.order.v1.OrderConfirmed.
 *
 * @param schema the message type
 */
export function eventSubject(schema: DescMessage): string {
  return schema.typeName.slice(schema.typeName.indexOf(".") + 1);
}

/**
 * Stores events with the change they tell of.
 *
 * @param events the events, in their order
 */
export function storeEvents(events: readonly OutgoingEvent[]): FinishingPart {
  return (value) => `insert into mesh.outbox (${COLUMNS}) values ${rowsOf(events, value)}`;
}

/**
 * Stores events with the change they tell of, where that changed something.
 *
 * @param events the events, in their order
 * @param change the name of the part that makes the change and returns the rows it made
 */
export function storeEventsOf(events: readonly OutgoingEvent[], change: string): FinishingPart {
  return (value) =>
    `insert into mesh.outbox (${COLUMNS})
     select * from (values ${rowsOf(events, value)}) as event where exists (select from ${change})`;
}

const COLUMNS = "id, aggregate_id, subject, type, payload, request_id, traceparent";

function rowsOf(events: readonly OutgoingEvent[], value: (value: unknown) => string): string {
  const rows = events.map(({ id, aggregateId, subject, type, payload, requestId, traceparent }) => {
    const names = [aggregateId, subject, type].map(value);
    const work = [requestId, traceparent ?? null].map(value);
    return `(${value(id)}::uuid, ${names.join(", ")}, ${value(payload)}::bytea, ${work.join(", ")})`;
  });
  return rows.join(", ");
}

const aggregateFields = new WeakMap<DescMessage, string>();

function aggregateOf(schema: DescMessage, message: Record<string, unknown>): string {
  let field = aggregateFields.get(schema);
  if (field === undefined) {
    field = aggregateField(schema);
    aggregateFields.set(schema, field);
  }
  const id = message[field];
  if (typeof id === "string" && /^[\w-]+$/.test(id)) return id;
  throw new Error(
    `${schema} needs an id of letters, digits, "-" and "_" in ${field}, not ${JSON.stringify(id)}.`,
  );
}

function aggregateField(schema: DescMessage): string {
  if (!hasOption(schema, eventOption)) {
    throw new Error(`${schema} is no event: its contract lacks the option souk.mesh.v1.event.`);
  }
  const { aggregateId } = getOption(schema, eventOption);
  const found = schema.fields.find((field) => field.name === aggregateId);
  if (found?.fieldKind === "scalar") return found.localName;
  throw new Error(
    `${schema} names "${aggregateId}" as the id of its aggregate, which is no scalar field of it.`,
  );
}
