import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Logger } from "pino";
import { OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { type EventBus, openEventBus } from "#kit/events/bus.ts";
import { type Consumer, startConsumer } from "#kit/events/consumer.ts";
import { type DeadLetters, deadLetters } from "#kit/events/dead-letters.ts";
import { eventHandler } from "#kit/events/handle.ts";
import { type Relay, startRelay } from "#kit/events/relay.ts";
import type { Subscription } from "#kit/events/subscription.ts";
import { eventually } from "../eventually.ts";
import type { Teardown } from "../stores.ts";
import { add, type BenchDatabase, callScope, rootScope, silent } from "./kit-bench.ts";

/** Names streams that no other test knows. */
export function freshNamespace(): string {
  return `t${randomBytes(6).toString("hex")}`;
}

/**
 * Opens a bus; the streams of its namespace are removed after the test.
 *
 * @param t the test
 * @param url NATS
 * @param namespace the namespace
 */
export function openTestBus(t: Teardown, url: string, namespace: string): EventBus {
  const bus = openEventBus({ url, namespace, clientName: "kit-test", log: silent });
  t.teardown(async () => {
    try {
      const { manager } = bus.streams();
      for await (const name of manager.streams.names(`${namespace}.>`)) await manager.streams.delete(name);
    } catch {
      // NATS is gone, and the streams with it.
    }
    await bus.close();
  });
  return bus;
}

/**
 * Starts a relay of order's events.
 *
 * @param t the test after which it stops
 * @param db the database whose outbox it is
 * @param url where that is
 * @param bus where the events go
 */
export function relayFrom(t: Teardown, db: BenchDatabase, url: string, bus: EventBus): Relay {
  const relay = startRelay({ url, service: "bench", bus, outbox: db.outbox, log: silent });
  t.teardown(() => relay.stop());
  return relay;
}

/** A consumer with its dead letters. */
export interface TestConsumer extends Consumer {
  readonly dead: DeadLetters;
}

/**
 * Starts a consumer.
 *
 * @param t the test after which it stops
 * @param db where its effects are
 * @param bus where the events come from
 * @param subscriptions what it heeds
 * @param retryDelaysMs the pauses before an event is tried again, in ms
 * @param log where it writes
 */
export function consume(
  t: Teardown,
  db: BenchDatabase,
  bus: EventBus,
  subscriptions: readonly Subscription[],
  retryDelaysMs: readonly number[] = [20, 20],
  log: Logger = silent,
): TestConsumer {
  const handle = eventHandler("bench", subscriptions, db, rootScope);
  const dead = deadLetters(bus, "bench", handle);
  const options = {
    service: "bench",
    subscriptions,
    bus,
    handle,
    deadLetters: dead,
    log,
    retryDelaysMs,
  };
  const consumer = startConsumer(options);
  t.teardown(() => consumer.stop());
  return { ...consumer, dead };
}

/**
 * Changes something and tells of it.
 *
 * @param db the database
 * @param orderId whose change it is
 * @param text stands in the event
 */
export async function tell(db: BenchDatabase, orderId: string, text: string): Promise<void> {
  await db.write(callScope(), async (tx) => {
    // The row is locked until the commit, so that changes of one order are told of in their order.
    await add(tx, orderId);
    tx.emit(OrderConfirmedSchema, { orderId, customerId: text });
  });
}

/**
 * Waits until all events have left an outbox.
 *
 * @param db the database
 */
export async function outboxEmpty(db: BenchDatabase): Promise<void> {
  await eventually(async () => {
    const { rowCount } = await db.pool.run("select from mesh.outbox limit 1");
    if (rowCount > 0) throw new Error("events wait in the outbox");
  });
}

/** What a victim does, and where. */
export interface VictimOrders {
  /**
   * Kills itself when its relay has published and not forgotten, its consumer has done and not answered, its saga is
   * at a moment, or its job has begun the third time.
   */
  readonly as: "relay" | "consumer" | "saga" | "job";
  readonly url: string;
  readonly natsUrl?: string;
  readonly namespace?: string;
  /** The moment of a saga, as "<step> <before|after> <run|undo>". */
  readonly moment?: string;
  /** How the saga of the victim behaves. */
  readonly fate?: string;
  /** The id of that saga, and the key of the call. */
  readonly id?: string;
  /** How far its clock is ahead, in ms. */
  readonly aheadMs?: number;
}

/**
 * Runs a process that kills itself with SIGKILL at a moment.
 *
 * @param t the test after which it is ended in any case
 * @param orders what it does
 * @returns the signal that ended it
 */
export async function runVictim(t: Teardown, orders: VictimOrders): Promise<NodeJS.Signals | null> {
  const program = new URL("./kit-victim.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [program, JSON.stringify(orders)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  t.teardown(async () => void child.kill("SIGKILL"));
  const [, signal] = await once(child, "exit");
  return signal;
}
