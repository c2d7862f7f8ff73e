import { OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { type EventBus, openEventBus } from "#kit/events/bus.ts";
import { startConsumer } from "#kit/events/consumer.ts";
import { deadLetters } from "#kit/events/dead-letters.ts";
import { type EventHandler, eventHandler } from "#kit/events/handle.ts";
import { startRelay } from "#kit/events/relay.ts";
import { on } from "#kit/events/subscription.ts";
import { add, type BenchTransaction, openBenchFor, rootScope, silent } from "./kit-bench.ts";
import type { VictimOrders } from "./kit-events-bench.ts";
import { runVictimJob } from "./kit-jobs-shift.ts";
import { runVictimSaga } from "./kit-saga-story.ts";

/** A process that does part of the kit's work and kills itself at the worst moment. */
const orders: VictimOrders = JSON.parse(process.argv[2] ?? "{}");
const { url, natsUrl = "", namespace = "" } = orders;
const die = () => process.kill(process.pid, "SIGKILL");
const db = openBenchFor(url);
const never = Promise.withResolvers<never>().promise;

if (orders.as === "saga") await runVictimSaga(db, orders, die);
else if (orders.as === "job") await runVictimJob(db, orders, die);
else {
  const bus = openEventBus({ url: natsUrl, namespace, clientName: "victim", log: silent });
  if (orders.as === "relay") {
    startRelay({ url, service: "bench", bus: dyingAfterPublish(bus), outbox: db.outbox, log: silent });
  } else {
    const subscriptions = [
      on(OrderConfirmedSchema, async ({ orderId }, tx: BenchTransaction) => {
        await add(tx, `effect ${orderId}`);
      }),
    ];
    const handle = dyingAfterEffect(eventHandler("bench", subscriptions, db, rootScope));
    const dead = deadLetters(bus, "bench", handle);
    startConsumer({
      service: "bench",
      subscriptions,
      bus,
      handle,
      deadLetters: dead,
      log: silent,
      retryDelaysMs: [],
    });
  }
  await never;
}

/** The events are stored in JetStream, but the relay does not come to forget them. */
function dyingAfterPublish(bus: EventBus): EventBus {
  return {
    ...bus,
    withStream: (domain, work) =>
      bus.withStream(domain, (stream, streams) => {
        const client = Object.create(streams.client, {
          publish: {
            value: async (...args: Parameters<typeof streams.client.publish>) => {
              await streams.client.publish(...args);
              die();
              return never;
            },
          },
        });
        return work(stream, { ...streams, client });
      }),
  };
}

/** The effects are committed, but the server does not hear of it. */
function dyingAfterEffect(handler: EventHandler): EventHandler {
  return {
    ...handler,
    async handle(events) {
      await handler.handle(events);
      die();
      return never;
    },
  };
}
