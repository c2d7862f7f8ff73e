import { type DescMessage, hasOption, type Message, type MessageShape } from "@bufbuild/protobuf";
import { event as eventOption } from "#gen/souk/mesh/v1/policy_pb.ts";
import type { Transaction } from "../data/database.ts";
import type { Entities } from "../data/tables.ts";
import type { Scope } from "../scope.ts";
import type { Wishes } from "./wishes.ts";

/** What is known of an event beside its content. */
export interface EventContext {
  /** UUIDv7; the same however often the event is delivered. */
  readonly eventId: string;
  /** When what it tells of happened. */
  readonly occurTime: Date;
  /** The work of handling it. */
  readonly scope: Scope;
}

/**
 * An event that no repetition will make better: it is not one, nobody here heeds it, or it lacks what its handler
 * needs. It goes to the dead letters at once.
 */
export class UnfitEvent extends Error {
  override readonly name = "UnfitEvent";
}

/** What a service does on one type of event. */
export interface Subscription {
  readonly schema: DescMessage;
  /** Left out where the event is always wanted. */
  readonly wishes?: Wishes;
  handle(event: Message, tx: Transaction, context: EventContext): Promise<void>;
}

/**
 * Heeds a type of event. Everything the handler does goes through the transaction, which also
 * remembers the event: however often it is delivered, it takes effect once. Events of one aggregate come in their
 * order, also while one of them is tried again; only where a process ends with some in hand, or several replicas
 * take them, a later one may come first.
 *
 * @param schema the event, as its contract declares it
 * @param handle what to do; what it throws makes the event come again later, and in the end go to the dead letters;
 *   an UnfitEvent goes there at once
 * @throws Error when the contract does not declare the message to be an event
 */
export function on<D extends DescMessage, E extends Entities>(
  schema: D,
  handle: (event: MessageShape<D>, tx: Transaction<E>, context: EventContext) => Promise<void>,
): Subscription {
  if (!hasOption(schema, eventOption))
    throw new Error(`${schema} is no event; it lacks option souk.mesh.v1.event`);
  return { schema, handle: handle as Subscription["handle"] };
}

/**
 * Heeds a type of event while somebody wants it: otherwise its streams do not hand it over. What happened before it was
 * wanted is not told later. Another subscription may heed the same type; both take effect in one transaction, the one
 * that was named first before the other.
 *
 * @param schema the event, as its contract declares it
 * @param wishes what is wanted
 * @param handle what to do, as above. It looks itself whether the event is wanted: what is on its way, or heeded by
 *   another subscription, comes also when it is not, and replicas, which share the streams, learn of wishes one after
 *   the other
 * @throws Error when the contract does not declare the message to be an event
 */
export function whileWanted<D extends DescMessage, E extends Entities>(
  schema: D,
  wishes: Wishes,
  handle: (event: MessageShape<D>, tx: Transaction<E>, context: EventContext) => Promise<void>,
): Subscription {
  return { wishes, ...on(schema, handle) };
}

/**
 * Checks that a service heeds the events that it says it does.
 *
 * @param service its name
 * @param declared the events that its definition lists
 * @param subscriptions what it does on events
 * @throws Error that names the first event in which they differ, and the remedy
 */
export function checkSubscriptions(
  service: string,
  declared: readonly DescMessage[],
  subscriptions: readonly Subscription[],
): void {
  const always = subscriptions.filter(({ wishes }) => wishes === undefined);
  const heeded = new Set(always.map(({ schema }) => schema));
  const unlisted = [...heeded].find((schema) => !declared.includes(schema));
  if (unlisted) throw new Error(`${service} heeds ${unlisted.typeName}; list it under consumes`);
  const unheeded = declared.find((schema) => !heeded.has(schema));
  if (unheeded) throw new Error(`${service} lists ${unheeded.typeName} under consumes; heed it or remove it`);
}
